"""The requirements: each test is one, with an id and a statement."""

import tomllib
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import numpy as np
import pytest

from arraylogit.testing import inputs, measure, reference, requirements
from arraylogit.testing.backends import FEATURES
from arraylogit.testing.functions import FUNCTIONS, Function
from arraylogit.testing.subject import Subject
from arraylogit.testing.targets import Implementation

PROFILES = {
    "house": "kinds/input-by-name errors/message errors/mixed special-values/zero-sign",
    "numerics": "accuracy/* concurrency/* identity/* reproducible/* special-values/*",
    "array-api": "dtypes/* errors/* kinds/* lazy/* warnings/*",
    "autodiff": "derivative/* transform/*",
    "torch-signature": "eps/* out/*",
}
"""Patterns of the requirements that belong together; the first that matches holds.

Those of the house are our own conventions: nobody else's functions fail for them.
"""


@cache
def profile(id: str) -> str:
    """Return the one of `PROFILES` that the requirement of an id belongs to."""
    return next(name for name, of in PROFILES.items() if matches(id, of))


class SuiteError(AssertionError):
    """A fault of the suite, or of the record of a library or a function."""


class Unsupported(pytest.skip.Exception):
    """A function does not take a dtype, an argument or a transformation at all."""


@dataclass(frozen=True)
class Requirement:
    """One sentence of the specification, and how it is checked.

    Attributes
    ----------
    id : str
        ``group/name``; never changes.
    statement : str
        What must hold, with Markdown.
    check : callable
        Takes a `Subject`, whose backend has been entered; raises where it does not hold.
    about : callable
        Whether it is about a function.
    needs : tuple of str
        Dtypes, features of the backend and arguments of the function that it takes.
    """

    id: str
    statement: str
    check: Callable[[Subject], None]
    about: Callable[[Function], bool]
    needs: tuple[str, ...]

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that it is about."""
        return tuple(name for name, function in FUNCTIONS.items() if self.about(function))

    @property
    def profile(self) -> str:
        """The one of `PROFILES` that it belongs to."""
        return profile(self.id)

    def inapplicable(self, subject: Subject) -> str | None:
        """Return why the requirement is not about a subject, or None."""
        if not self.about(FUNCTIONS[subject.function]):
            return f"it is not about {subject.function}"
        for need in self.needs:
            if need not in (*subject.features, "eps", "out"):
                return FEATURES.get(need) or f"no {need}"
        return None

    def fails(self, subject: Subject) -> bool:
        """Return whether a subject that breaks it has failed."""
        return self.profile != "house" or subject.target.whole


SLOW = (
    "concurrency/*",
    "derivative/modes",
    "derivative/reverse-float64",
    "derivative/second*",
    "reproducible/*",
    "transform/*",
)
"""Patterns of the requirements that a quick run leaves out."""

REQUIREMENTS: dict[str, Requirement] = {}
"""By id, once the modules of `load` have been imported."""


def requirement(
    id: str,
    statement: str,
    about: str | Callable[[Function], bool] = lambda function: True,
    needs: str = "",
) -> Callable[[Callable[[Subject], None]], Callable[[Subject], None]]:
    """Register a check of a requirement, for functions by name or by their records."""
    named = about.split() if isinstance(about, str) else ()
    of = (lambda function: function.name in named) if isinstance(about, str) else about

    def register(check: Callable[[Subject], None]) -> Callable[[Subject], None]:
        if id in REQUIREMENTS:
            raise ValueError(f"two requirements are called {id}")
        REQUIREMENTS[id] = Requirement(id, statement, check, of, tuple(needs.split()))
        return check

    return register


def load() -> dict[str, Requirement]:
    """Import the modules that hold the requirements, and return these."""
    for module in iter_modules(requirements.__path__):
        import_module(f"{requirements.__name__}.{module.name}")
    return REQUIREMENTS


def pairs(subjects: list[Subject], only: str = "*") -> Iterator[tuple[Requirement, Subject]]:
    """Yield each requirement that one of the patterns `only` matches, with each of the subjects.

    Subjects of a quick run leave out the slow ones.
    """
    for entry in load().values():
        slow = any(fnmatch(entry.id, pattern) for pattern in SLOW)
        if matches(entry.id, only):
            yield from ((entry, subject) for subject in subjects if not (slow and subject.quick))


def described(entry: Requirement, subject: Subject) -> dict[str, Any]:
    """Return the id and the marks of a test that checks a requirement on a subject."""
    known = deviation(entry, subject)
    marks = [pytest.mark.xfail(reason=known.reason, strict=known.everywhere)] if known else []
    if not entry.fails(subject):
        marks = [pytest.mark.xfail(reason="a rule of the house", strict=False)]
    return {"id": f"{entry.id}-{subject!r}", "marks": marks}


def matches(name: str, patterns: str) -> bool:
    """Return whether a name matches any of some patterns, separated by spaces."""
    return any(fnmatch(name, pattern) for pattern in patterns.split())


@dataclass(frozen=True)
class Deviation:
    """A known failure, with patterns of the targets, backends and functions that have it."""

    target: str
    backend: str
    requirement: str
    reason: str
    link: str
    function: str = "*"
    everywhere: bool = True  # False: on some processors the requirement is kept

    def matches(self, requirement: Requirement, subject: Subject) -> bool:
        """Return whether it is known that a subject breaks a requirement."""
        return all(
            fnmatch(name, pattern)
            for name, pattern in (
                (subject.target.name, self.target),
                (subject.backend.name, self.backend),
                (subject.function, self.function),
                (requirement.id, self.requirement),
            )
        )


DEVIATIONS = [Path(__file__).with_name("deviations.toml")]
"""The files that hold them."""


@cache
def _deviations(path: Path) -> tuple[Deviation, ...]:
    return tuple(Deviation(**row) for row in tomllib.loads(path.read_text("utf-8"))["deviation"])


def deviations() -> list[Deviation]:
    """Return what all files hold."""
    return [row for path in DEVIATIONS for row in _deviations(path)]


def deviation(requirement: Requirement, subject: Subject) -> Deviation | None:
    """Return the deviation recorded for a requirement and a subject; at most one may match."""
    found = [d for d in deviations() if d.matches(requirement, subject)]
    if len(found) > 1:
        raise ValueError(f"{subject} and {requirement.id} match two deviations: {found}")
    return found[0] if found else None


def specification() -> str:
    """Return the statements as Markdown, a list for each group."""
    lines: list[str] = []
    group = None
    # By group, whichever module was imported first.
    for entry in sorted(load().values(), key=lambda e: e.id.partition("/")[0]):
        if group != (group := entry.id.partition("/")[0]):
            lines += ["", f"### {group}", ""]
        lines.append(f"- `{entry.id}`: {entry.statement}{_scope(entry)}")
    return "\n".join(lines).strip() + "\n"


def _scope(entry: Requirement) -> str:
    if entry.functions == tuple(FUNCTIONS):
        return ""
    return f" ({', '.join(entry.functions)})"


def state(entry: Requirement, subject: Subject) -> tuple[str, str]:
    """Check a requirement; return its state, but for deviations, and why."""
    if reason := entry.inapplicable(subject):
        return "not applicable", reason
    try:
        checked(entry, subject)
    except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
        return found(error), first_line(error)
    return "kept", ""


def found(error: BaseException) -> str:
    """Return the state that an error of `checked` means."""
    if isinstance(error, pytest.skip.Exception):
        return "unsupported" if isinstance(error, Unsupported) else "not applicable"
    return "error" if isinstance(error, SuiteError) or _is_ours(error) else "broken"


def _is_ours(error: BaseException) -> bool:
    # A mistake in the suite itself, not below a call of the function.
    if not isinstance(error, ImportError | LookupError | NameError | NotImplementedError):
        return False
    frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
    inside = Path(frames[-1].co_filename).is_relative_to(Path(__file__).parent)
    return inside and Implementation.__call__.__code__ not in frames


def checked(entry: Requirement, subject: Subject) -> None:
    """Check a requirement; raise where it is broken, unsupported or cannot be checked."""
    subject.records.clear()
    with subject:
        if subject.failure:
            raise SuiteError(f"a plain call fails: {subject.failure}")
        # A target that should take everything has failed: the check says how.
        for need in () if subject.target.whole else ("mode", *entry.needs):
            if reason := subject.lacks(need):
                raise Unsupported(reason)
        entry.check(subject)


def first_line(error: BaseException) -> str:
    """Return the text of an error for a table."""
    lines = [line.strip() for line in str(error).strip().splitlines()]
    text = lines[0] if lines else ""
    plain = isinstance(error, AssertionError | pytest.fail.Exception | pytest.skip.Exception)
    kind = "" if plain else f"{type(error).__name__}: "
    return f"{kind}{text}"[:200]


def identical(actual: Any, expected: Any, where: str = "") -> None:
    """Assert the same dtype, shape and values; NaN equals NaN, +0 does not equal −0."""
    assert actual.dtype == expected.dtype, f"{actual.dtype}, not {expected.dtype} ({where})"
    assert actual.shape == expected.shape, f"{actual.shape}, not {expected.shape} ({where})"
    says_something(expected, where)
    with np.errstate(invalid="ignore"):  # ml_dtypes warns of NaN
        same = actual == expected
        if actual.dtype.kind in "fV":
            same &= (actual != 0) | (np.signbit(actual) == np.signbit(expected))
        same |= (actual != actual) & (expected != expected)
    wrong = ~same
    assert not wrong.any(), (
        f"{np.count_nonzero(wrong)} of {wrong.size} differ: {describe(actual[wrong])}, not "
        f"{describe(expected[wrong])} ({where})"
    )


def close(subject: Subject, y: Any, expected: Any, x: Any, where: str = "") -> None:
    """Assert that two evaluations at `x` differ by no more than both may be off, in ULP."""
    assert y.shape == expected.shape, f"{y.shape}, not {expected.shape} ({where})"
    says_something(expected, where)
    allowed = 2 * subject.bound(x.dtype) + 1
    _within(allowed, y, expected.astype(np.float64), x, where)


NEARLY = 1000
"""Errors in ULP that a function may have where others than `accuracy` look at its values."""


def right(subject: Subject, y: Any, x: Any, where: str = "", **options: Any) -> None:
    """Assert that results at `x` are the exact values, up to the error allowed and a rounding.

    Those of others may be as far off as those of a plain call are, which is told by `accuracy`:
    up to `NEARLY`, beyond which the results have nothing to do with the function.
    """
    assert y.shape == x.shape, f"{y.shape}, not {x.shape} ({where})"
    x = np.asarray(x)
    exact = reference.rounded(subject.function, x, **options)
    says_something(exact, where)
    try:
        _within(subject.bound(x.dtype) + 0.5, np.asarray(y), exact, x, where)
    except AssertionError:
        if subject.target.whole:
            raise
        plain = subject(x.ravel(), **options)
        _within(NEARLY, plain, exact.ravel(), x.ravel(), where)
        close(subject, np.ravel(y), plain, x.ravel(), where)


def _within(allowed: float, y: Any, expected: Any, x: Any, where: str) -> None:
    apart = measure.ulp_error(y, expected, x.dtype)
    worst = np.argmax(apart)
    assert apart.flat[worst] <= allowed, (
        f"{apart.flat[worst]:.4g} ULP apart, {allowed} allowed: {y.flat[worst]} and "
        f"{expected.flat[worst]} at {x.flat[worst]} ({where})"
    )


def says_something(expected: Any, where: str = "") -> None:
    """Raise an error if all expected values are NaN, which proves nothing."""
    if expected.size and expected.dtype.kind in "fcV" and (expected != expected).all():
        raise SuiteError(f"nothing but NaN is expected ({where})")


def accepted(subject: Subject, **options: Any) -> None:
    """Assert that a plain call is right, without which a refusal proves nothing."""
    x = inputs.inside(subject.function, np.float32)
    y = subject.through(subject.call, x, **options)
    right(subject, y, x, "a valid call", **options)


def refused(call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Assert that a call raises one of the errors of a refusal; see `accepted`."""
    try:
        call(*arguments, **options)
    except (TypeError, ValueError, RuntimeError):
        return
    given = ", ".join([*map(repr, arguments), *(f"{k}={v!r}" for k, v in options.items())])
    raise AssertionError(f"accepted: {given}"[:200])


def nowhere(wrong: Any, y: Any, x: Any, expected: Any, where: str, at: str = "for") -> None:
    """Assert that no result is wrong; say which are, for or `at` which inputs."""
    if wrong.any():
        y, x, expected = (describe(values[wrong]) for values in (y, x, expected))
        raise AssertionError(f"{y} {at} {x}, not {expected} ({where})")


def describe(values: Any) -> str:
    """Return a few values as text."""
    return ", ".join(str(value) for value in values[:4])
