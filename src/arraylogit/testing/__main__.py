"""Check implementations of the logit and its relatives, and show earlier results.

TARGET...  check functions: a module, module:function or module:sigmoid=expit, from the working
           directory too; options are those of the suite (--backend, --quick, --report) and pytest
compare    check our functions and every library's own, on all libraries installed; of two
           directories of reports, OLD and NEW, say what differs instead
render     make the Markdown and the page of a report again, from its report.json
tabulate   make the README of a directory of results again
"""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

from arraylogit.testing import difference, render, results
from arraylogit.testing.targets import TARGETS

HERE = Path(__file__).parent
RESULTS = Path("docs", "results")


def run(*options: str) -> int:
    """Run the suite, without other settings and plug-ins of pytest."""
    os.environ.setdefault("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    told = ["-c", str(HERE / "pytest.ini"), f"--rootdir={Path.cwd()}", "-p", "no:cacheprovider"]
    told += ["-p", "arraylogit.testing.plugin", "-q", "--no-header", "--tb=no", "-rN"]
    return pytest.main([*told, str(HERE / "test_requirements.py"), *options])


def compare(chosen: argparse.Namespace, options: list[str]) -> int:
    """Run the suite on all targets; return 0 if ours keeps every requirement."""
    os.environ.setdefault("SCIPY_ARRAY_API", "1")  # before anything imports SciPy
    names = ",".join(name for name, target in TARGETS.items() if target.missing() is None)
    code = run("--target", names, "--report", str(chosen.out), *options)
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        return code
    view = render.View(json.loads((chosen.out / "report.json").read_text()))
    for target in view.targets:
        print(f"{target.name}: {len(target.with_state('broken'))} requirements broken")
    print(f"see {chosen.out / 'report.html'}")
    ours = next(target for target in view.targets if target.name == "arraylogit")
    return int(any(map(ours.with_state, ("broken", "error"))))


def differ(*directories: Path) -> int:
    """Say how a report differs from one before it; return 1 if anything is worse."""
    documents = (json.loads((path / "report.json").read_text()) for path in directories)
    found = list(difference.differences(*documents))
    for line, _ in found:
        print(line)
    print(f"{len(found)} differences, {sum(worse for _, worse in found)} for the worse")
    return int(any(worse for _, worse in found))


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) == 3 and arguments[0] == "compare" and Path(arguments[1]).is_dir():
        return differ(*map(Path, arguments[1:]))
    parser = argparse.ArgumentParser(
        "python -m arraylogit.testing",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="%(prog)s TARGET... [OPTION...] | compare [OLD NEW] | render | tabulate",
    )
    if not arguments or arguments[0] not in ("compare", "render", "tabulate"):
        parser.add_argument("target", nargs="+")
        chosen, options = parser.parse_known_args(arguments)
        return run("--target", ",".join(chosen.target), *options)
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("compare", help="further options are those of pytest and the suite")
    add.add_argument("--out", type=Path, default=RESULTS / "conformance", help="directory")
    for name, default in (("render", RESULTS / "conformance"), ("tabulate", RESULTS)):
        commands.add_parser(name).add_argument("directory", type=Path, nargs="?", default=default)
    chosen, options = parser.parse_known_args(arguments)
    if chosen.command == "compare":
        return compare(chosen, options)
    if options:
        parser.error(f"unrecognised arguments: {' '.join(options)}")
    if chosen.command == "render":
        document = json.loads((chosen.directory / "report.json").read_text())
        render.write(document, chosen.directory)
    else:
        (chosen.directory / "README.md").write_text(results.tabulate(chosen.directory))
    return 0


if __name__ == "__main__":
    sys.exit(main())
