"""The commands: their arguments, and the order in which things are done."""

import argparse
import inspect
import os
from collections.abc import Sequence
from pathlib import Path

import arraylogit
from arraylogit import special
from arraylogit._cli import _input, _output
from arraylogit._cli._messages import UsageError, say

DESCRIPTION = """\
Without a command: print the versions and array libraries found, and check every function on
each of them; the exit status is 0 only if all hold. With a command: evaluate the function on
.npy and .npz files of any size, block by block. An output appears when it is complete, or not at
all."""


def run(argv: Sequence[str]) -> int:
    """Do what the arguments say; return the exit status."""
    arguments = _parser().parse_args(_with_joined_eps(argv))
    if arguments.command is None:
        from arraylogit._cli._report import report

        return 0 if report() else 1
    try:
        remarked = _evaluate(arguments)
    except UsageError as error:
        say(str(error))
        return 2
    return 1 if remarked and arguments.strict else 0


def _evaluate(arguments: argparse.Namespace) -> bool:
    # Return whether there were remarks.
    from arraylogit._cli._files import Job

    eps = getattr(arguments, "eps", None)
    job = Job(arguments.command, eps, arguments.backend, arguments.force)
    pairs = _pairs(arguments)
    for _, target in pairs:
        _output.check(target, arguments.force)
    for path in sorted({path for _, target in pairs for path in _output.left_over(target)}):
        say(f"{path} was left over when a run was killed, and can be deleted")
    remarked = False
    for source, target in pairs:
        done, remarks = job.do(source, target)
        if target == _output.STANDARD:
            say(done)
        else:
            print(done)
        for remark in remarks:
            say(remark)
        remarked = remarked or bool(remarks)
    return remarked


def _pairs(arguments: argparse.Namespace) -> list[tuple[str, str]]:
    # Each file, and where its values go.
    sources: list[str] = arguments.file
    if len(sources) == 1 and arguments.out is not None:
        return [(sources[0], arguments.out)]
    if arguments.out is not None:
        raise UsageError(f"--out takes one file, got {len(sources)}: use --out-dir")
    for source in filter(_input.is_stream, sources):
        if len(sources) > 1 or arguments.out_dir is not None:
            raise UsageError(f"{_input.name(source)} goes alone, to --out or standard output")
        return [(source, _output.STANDARD)]
    pairs = [(source, _default(source, arguments)) for source in sources]
    targets = [os.path.realpath(target) for _, target in pairs]
    for index, (source, target) in enumerate(pairs):
        if targets.index(targets[index]) < index:
            raise UsageError(f"{target} would be of two files, of which {source} is one")
    return pairs


def _default(source: str, arguments: argparse.Namespace) -> str:
    path = Path(source)
    suffix = path.suffix if path.suffix in (".npy", ".npz") else ".npy"
    name = f"{path.name.removesuffix(suffix)}.{arguments.command}{suffix}"
    return str((arguments.out_dir or path.parent) / name)


def _with_joined_eps(argv: Sequence[str]) -> list[str]:
    # argparse takes "-1e-6" for an option, unless it follows "=".
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] == "--eps" and _is_number(argument):
            joined[-1] = f"--eps={argument}"
        else:
            joined.append(argument)
    return joined


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("arraylogit", description=DESCRIPTION)
    parser.add_argument("--version", action="version", version=arraylogit.__version__)
    commands = parser.add_subparsers(dest="command", metavar=f"{{{','.join(special.__all__)}}}")
    for name in special.__all__:
        function = getattr(special, name)
        summary = (inspect.getdoc(function) or name).partition("\n")[0].replace("`", "")
        command = commands.add_parser(name, help=summary, description=summary)
        command.add_argument(
            "file",
            nargs="+",
            help="a .npy or .npz file of real numbers of any shape, or - for standard input; "
            "integers give float64, other dtypes are kept",
        )
        if "eps" in inspect.signature(function).parameters:
            command.add_argument(
                "--eps",
                type=float,
                help="clamp to [EPS, 1 - EPS] first, between 0 and 0.5 (default: no clamp)",
            )
        command.add_argument(
            "--backend",
            default="numpy",
            metavar="NAME",
            help="array library to compute with, on its default device (default: numpy)",
        )
        out = command.add_mutually_exclusive_group()
        out.add_argument(
            "-o",
            "--out",
            metavar="FILE",
            help=f"where to write, - for standard output (default: the input with .{name}.npy)",
        )
        out.add_argument(
            "--out-dir", type=Path, metavar="DIR", help="where to write, by the default names"
        )
        command.add_argument(
            "-f", "--force", action="store_true", help="replace an output that exists"
        )
        command.add_argument(
            "--strict",
            action="store_true",
            help="exit with status 1 where numbers are NaN or outside the domain",
        )
    return parser
