"""What a bug report needs: versions, the libraries found, and whether the functions hold there."""

import platform
import time
from collections.abc import Sequence
from importlib.metadata import version

from arraylogit import __version__, special
from arraylogit._cli._messages import one_line
from arraylogit._cli._selfcheck import FORMATS, POINTS, Measure, check
from arraylogit._strategies._command_line import LIBRARIES, Library
from arraylogit.testing.environment import cpu

TABLE = "{:<20}{:<11}{:<9}{:>14} {:>12} {:>11} {:>9}  {}"
EXPLANATION = f"""\
Inputs: up to {4 * POINTS} probabilities (uniform, next to 0.5, down to the smallest normal
number, up to 1), their logarithms, or plus and minus their log-odds. error: the largest one
found, in ULP of the exact value, and its bound. from NumPy: the largest difference, in ULP, at
most the sum of both bounds. round trip: the distance from the input to the inverse of its value,
as a share of the distance that the two bounds allow. examples: those of the documentation."""


def report() -> bool:
    """Print everything; return whether all that was checked holds."""
    start = time.perf_counter()
    _print_versions()
    usable, failures = _print_libraries()
    failures += _print_checks(usable)
    print(f"\n{EXPLANATION}\n")
    if not FORMATS["float64"].has_reference:
        print("No type of this machine is wider than float64: its errors are not measured.")
    for failure in failures:
        print(f"FAILED: {failure}")
    verdict = "something failed, see above" if failures else "all hold"
    print(f"Self-check: {verdict} ({time.perf_counter() - start:.1f} s)")
    return not failures


def _print_versions() -> None:
    implementation = platform.python_implementation()
    print(f"arraylogit        {__version__}")
    print(f"array-api-compat  {version('array-api-compat')}")
    print(f"Python            {platform.python_version()} ({implementation})")
    print(f"platform          {platform.platform()}")
    print(f"CPU               {cpu()}")


def _print_libraries() -> tuple[list[tuple[Library, str]], list[str]]:
    # Return the pairs of library and device that can be checked, and the failures.
    usable: list[tuple[Library, str]] = []
    failures = []
    print("\nlibrary           version     device      dtypes")
    for library in LIBRARIES.values():
        if not library.installed():
            print(f"{library.name:<18}not installed")
            continue
        try:
            number, devices = library.version(), library.devices()
        except Exception as error:  # a broken installation may raise anything
            failures.append(f"{library.name} is installed but cannot be used: {_line(error)}")
            print(f"{library.name:<18}cannot be used")
            continue
        for device in devices:
            dtypes = " ".join(library.dtypes(device))
            remark = f"  ({library.remark()})" if library.remark() else ""
            print(f"{library.name:<18}{number:<12}{device:<12}{dtypes}{remark}")
            usable.append((library, device))
        if not devices:
            print(f"{library.name:<18}{number:<12}no device, not checked")
    return usable, failures


def _print_checks(usable: Sequence[tuple[Library, str]]) -> list[str]:
    failures = []
    for function in special.__all__:
        heading = (function, "device", "dtype", "error (bound)", "from NumPy")
        print("\n" + TABLE.format(*heading, "round trip", "examples", "").rstrip())
        for library, device in usable:
            for dtype in filter(FORMATS.__contains__, library.dtypes(device)):
                row = (library.name, device, dtype)
                try:
                    measures = check(function, library, device, dtype)
                    wrong = [_sentence(m) for m in measures.values() if not m.holds]
                except Exception as error:  # a library's own; the other rows are of interest
                    measures, wrong = {}, [_line(error)]
                failures += [f"{' '.join(row)}: {function}: {sentence}" for sentence in wrong]
                print(_table_row(row, measures, "FAIL" if wrong else "ok"))
    return failures


def _table_row(row: tuple[str, str, str], measures: dict[str, Measure], verdict: str) -> str:
    def cell(what: str) -> str:
        return _short(measures[what].value) if what in measures else "-"

    error, examples = measures.get("error"), measures.get("examples")
    return TABLE.format(
        *row,
        f"{_short(error.value)} ({error.limit:g})" if error else "-",
        cell("difference from NumPy"),
        cell("round trip"),
        "-" if examples is None else "ok" if examples.holds else "wrong",
        verdict,
    )


def _sentence(measure: Measure) -> str:
    if measure.what == "examples":
        return f"{measure.value:.0f} of the documented examples differ"
    value, limit = _short(measure.value), f"{measure.limit:g}"
    unit = "of the error allowed" if measure.what == "round trip" else "ULP"
    return f"{measure.what} is {value} {unit} at {measure.witness!r} (bound {limit})"


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 100 else f"{value:.1e}"


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"
