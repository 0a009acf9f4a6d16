"""A subject: one function of one target on one backend, on which requirements are checked."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import cache, cached_property
from typing import Any

import numpy as np

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.backends import Backend, backend, dtype_of
from arraylogit.testing.budgets import bound
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.targets import Implementation, Target

Array = Any

LONG = 4099
"""A number of elements that no vector register divides."""

COMMON = 2**17
"""Where each length is compiled, arrays longer than `LONG` have a multiple of so many elements."""

POINTS = 100_000
"""Inputs of a measurement; in 16 bits, every number is an input."""

QUICK = 5000
"""Inputs of a quick measurement, in 16 bits too."""


PROBES: dict[str, Callable[[Backend, Callable[..., Array], Array], Any]] = {
    "compile": lambda library, f, x: library.compile(lambda x: f(x))(x),
    "derivative": lambda library, f, x: library.derivative(f, x, 1, library.modes[0]),
    "second": lambda library, f, x: library.derivative(f, x, 2, library.modes[0]),
    "export": lambda library, f, x: library.export(f, x)(x),
    "vmap": lambda library, f, x: library.vmap(lambda x: f(x))(x),
    "shard": lambda library, f, x: library.shard(f)(x[:2]),
}
"""By feature of the backend, a call that shows whether a function supports it."""


def _failure(f: Callable[..., Any], *arguments: Any) -> str | None:
    # The error that a call raises, in one line; None without an error.
    try:
        with warnings.catch_warnings(action="ignore"):
            f(*arguments)
    except Exception as error:
        return f"{type(error).__name__}: {error}".strip().partition("\n")[0]
    return None


class Subject(AbstractContextManager):
    """A function under test.

    Inside it as a context, the settings are those of the backend, and NumPy's floating-point
    errors are ignored: requirements about warnings say so themselves.

    Attributes
    ----------
    target, backend, function
        Which; `function` is a name of the reference's.
    points : int
        How many inputs a measurement takes.
    quick : bool
        Whether to leave out the slow checks.
    records : dict
        The measurements of a check, for the report.
    first : tuple or None
        The input and the result of the first call.
    sweep : callable or None
        Measures a subject at every float32; None to measure it at `points`.
    """

    def __init__(
        self,
        target: Target,
        backend: Backend,
        function: str,
        points: int | None = None,
        quick: bool = False,
    ) -> None:
        self.target, self.backend, self.function = target, backend, function
        self.points, self.quick = points or (QUICK if quick else POINTS), quick
        self.records: dict[str, Any] = {}
        self.sweep: Callable[[Subject], Any] | None = None
        self.first: tuple[Array, Array] | None = None
        self._lacks: dict[str, str | None] = {}

    def __repr__(self) -> str:
        return f"{self.target.name}-{self.backend.name}-{self.function}"

    def __enter__(self) -> "Subject":
        self._stack = ExitStack()
        self._stack.enter_context(self.backend)
        self._stack.enter_context(np.errstate(all="ignore"))
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.close()

    @property
    def call(self) -> Implementation:
        """The function itself, of arrays of the backend."""
        return self.target.functions[self.function]

    @property
    def features(self) -> frozenset[str]:
        """Dtypes, features of the backend, arguments of the function."""
        found = self.backend.features | self.call.features | frozenset(self.backend.dtypes)
        # A quick run has no time for functions that are compiled for every shape.
        return found - {"cheap"} if self.quick and "traces" in found else found

    @cached_property
    def dtypes(self) -> list[np.dtype]:
        """Floating-point dtypes of the backend that the function takes.

        All of them if it takes none: then something else is wrong, and each check shows it.
        """
        dtypes = [dtype_of(name) for name in self.backend.dtypes]
        return [dtype for dtype in dtypes if not self.lacks(dtype.name)] or dtypes

    @property
    def compiles(self) -> bool:
        """Whether each new shape, dtype or eps is compiled, which takes a while."""
        return "traces" in self.features or "cheap" not in self.features

    @property
    def kinds(self) -> list[np.dtype]:
        """The dtypes, or one of each kind where others take seconds to compile."""
        if not self.compiles:
            return self.dtypes
        chosen = ("float32", "float16") if "cheap" in self.features else ("float32",)
        return [dtype for dtype in self.dtypes if dtype.name in chosen]

    def takes(self, dtype: str) -> bool:
        """Return whether a call in a dtype raises nothing."""
        return not _failure(self.transformed(), self._some(dtype))

    def _some(self, dtype: str) -> Array:
        value = 0.25 if FUNCTIONS[self.function].domain[1] > 0 else -0.25
        return self.backend.asarray(self.lengthened(np.full(2, value, dtype_of(dtype))))

    @cached_property
    def failure(self) -> str | None:
        """The error of a plain call in every dtype; None if one of them raises none."""
        return self._fails_for_all(self._called_first)

    def _called_first(self, x: Array) -> None:
        self.first = x, self.call(x)

    def _fails_for_all(self, f: Callable[[Array], Array]) -> str | None:
        reason = None
        for dtype in reversed(self.backend.dtypes):
            if not (reason := _failure(f, self._some(dtype))):
                break
        return reason

    def lacks(self, need: str) -> str | None:
        """Return why the function does not take a dtype, argument or transformation, or None."""
        if need not in self._lacks:
            self._lacks[need] = self._probe(need)
        return self._lacks[need]

    def _probe(self, need: str) -> str | None:
        if need in ("eps", "out") and need not in self.call.features:
            return f"it has no argument {need}"
        if need == "mode":
            reason = self._fails_for_all(self.transformed())
            return reason and f"in this mode: {reason}"
        if need in self.backend.dtypes:
            x = self._some(need)
            reason = _failure(lambda: self._expect(need, self.transformed()(x)))
            return reason and f"{need}: {reason}"
        if need in PROBES:
            f = self.transformed() if need in ("derivative", "second") else self.call
            reason = _failure(PROBES[need], self.backend, f, self._some("float32"))
            return reason and f"{need}: {reason}"
        return None

    def _expect(self, dtype: str, y: Array) -> None:
        if self.backend.is_array(y) and (got := self.backend.dtype_name(y)) != dtype:
            raise TypeError(f"the result is {got}")

    def on(self, name: str) -> "Subject | None":
        """Return the function on another backend, if the target is meant for that."""
        other = backend(name)
        if not self.target.runs_on(other):
            return None
        return Subject(self.target, other, self.function, self.points, self.quick)

    def sibling(self, function: str) -> "Subject | None":
        """Return another function of the same target on the same backend, if it has it."""
        if function not in self.target.functions:
            return None
        return Subject(self.target, self.backend, function, self.points, self.quick)

    def transformed(self, **options: Any) -> Any:
        """Return the function of one array, as the mode of the backend runs it."""
        known, key = self.target.transformed, (self.backend.name, self.function, repr(options))
        if key not in known:
            call = self.call
            known[key] = self.backend.transform(lambda x: call(x, **options))
        return known[key]

    def native(self, x: np.ndarray, **options: Any) -> Array:
        """Return the result for NumPy values, as an array of the backend."""
        return self.transformed(**options)(self.backend.asarray(x))

    def __call__(self, x: np.ndarray, **options: Any) -> np.ndarray:
        """Return the result for NumPy values, as NumPy values."""
        given = self.lengthened(x)
        y = self.backend.to_numpy(self.native(given, **options))
        if y.shape != given.shape:
            raise AssertionError(f"shape {y.shape} for an input of shape {given.shape}")
        return y if given is x else y[: x.size]

    def through(self, f: Callable[..., Any], x: np.ndarray, **options: Any) -> np.ndarray:
        """Return what any function of arrays of the backend gives for NumPy values."""
        return self.backend.to_numpy(f(self.backend.asarray(x), **options))

    def options(self, *eps: float) -> list[dict[str, float]]:
        """Return the options to call with: none, and each eps if the function takes one."""
        return [{}, *({"eps": value} for value in eps if "eps" in self.features)]

    def derivative(
        self, x: np.ndarray, order: int = 1, mode: str = "reverse", **options: Any
    ) -> np.ndarray:
        """Return a derivative at NumPy values, as NumPy values."""
        f = self.transformed(**options)
        given = self.lengthened(x)
        y = self.backend.derivative(f, self.backend.asarray(given), order, mode)
        y = self.backend.to_numpy(y)
        return y if given is x else y[: x.size]

    def lengthened(self, x: np.ndarray) -> np.ndarray:
        """Return numbers, where each length is traced anew repeated to a common length."""
        if "traces" not in self.features or x.ndim != 1 or x.size <= 1:
            return x
        return np.resize(x, LONG if x.size <= LONG else -(-x.size // COMMON) * COMMON)

    def placed(self, points: np.ndarray, **options: Any) -> Iterator[tuple[str, np.ndarray]]:
        """Yield the results at some points, alone and in arrays of other lengths and strides."""
        long = np.full(LONG, 0.25, points.dtype)
        where = np.linspace(0, LONG - 1, points.size).astype(int)  # with both ends
        long[where] = points
        yield "in a long array", self(long, **options)[where]
        if "cheap" not in self.features:
            return
        if "views" in self.features:
            doubled = self.backend.asarray(np.repeat(long, 2))
            strided = self.backend.to_numpy(self.transformed(**options)(doubled[::2]))
            yield "strided", strided[where]
        alone = [self(np.asarray(point), **options) for point in points]
        yield "alone", np.asarray(alone)

    def bound(self, dtype: np.dtype, kind: str = "value") -> float:
        """Return the largest error that is allowed, in ULP."""
        return bound(kind, self.function, dtype.name, self.backend.name, self.target.whole)

    def subnormal(self, x: np.ndarray, exact: np.ndarray) -> np.ndarray:
        """Return where the backend cannot give the result, as it flushes subnormal numbers."""
        return measure.lost(x, exact, *self.backend.flushes(x.dtype.name))

    def measurement(self, dtype: np.dtype, derivative: bool = False) -> tuple[Any, Any, str]:
        """Return inputs, exact results, and the coverage, to measure errors with."""
        return measurement(
            self.function + ("_derivative" if derivative else ""), dtype, self.points
        )


@cache
def measurement(function: str, dtype: np.dtype, points: int) -> tuple[Any, Any, str]:
    """Return inputs, values in a wider dtype, and what the inputs cover; read-only."""
    if dtype.itemsize <= 2 and points >= 2**16:
        return *_with_values(function, inputs.every(dtype)), measure.EXHAUSTIVE
    x = inputs.structured(function, dtype, points)
    return *_with_values(function, x), measure.LOWER_BOUND


@cache
def dense(function: str, dtype: np.dtype, points: int) -> tuple[Any, Any]:
    """Return inputs on a line, closer than those of `measurement`, and values in a wider dtype."""
    return _with_values(function, inputs.line(function, dtype, points))


def _with_values(function: str, x: Any) -> tuple[Any, Any]:
    try:
        exact = reference.wide(function, x)
    except TypeError:  # no wider dtype: by mpmath, so that there must be fewer
        x = x[:: max(1, x.size // 20_000)]
        exact = reference.rounded(function, x)
    x.flags.writeable = exact.flags.writeable = False
    return x, exact
