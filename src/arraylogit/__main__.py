"""The command line: ``python -m arraylogit --help``."""

import argparse
import inspect
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import arraylogit
from arraylogit import special

DESCRIPTION = """\
Without a command: print the versions and array libraries found, and check every function on
each of them; the exit status is 0 only if all hold. With a command: evaluate the function on a
.npy file of any size, block by block. The output appears when it is complete, or not at all."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.command is None:
        from arraylogit._cli._report import report

        return 0 if report() else 1

    from arraylogit._cli._files import UsageError, transform

    function = getattr(arraylogit, arguments.command)
    if getattr(arguments, "eps", None) is not None:
        function = partial(function, eps=arguments.eps)
    source: Path = arguments.file
    default = source.with_name(f"{source.name.removesuffix('.npy')}.{arguments.command}.npy")
    try:
        print(transform(function, source, arguments.out or default, arguments.backend))
    except UsageError as error:
        print(f"arraylogit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("arraylogit: interrupted, nothing was written", file=sys.stderr)
        return 130
    return 0


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
            type=Path,
            help="a .npy file of real numbers of any shape; integers give float64, "
            "other dtypes are kept",
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
        command.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            help=f"where to write, FILE itself allowed (default: FILE with .{name}.npy)",
        )
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
