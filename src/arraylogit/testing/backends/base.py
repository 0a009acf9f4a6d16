"""What an adapter is: the words of the suite, in which a library says what it does and can.

A backend makes arrays from NumPy's and gives them back, transforms and differentiates functions
as its library does, and says what it can do. It is a context manager: everything else is done
inside, where the library's settings are those of the backend.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import ml_dtypes
import numpy as np

from arraylogit.testing.budgets import bound

Array = Any
Function = Callable[..., Any]

FLOATS = ("float16", "bfloat16", "float32", "float64")

FEATURES = {
    "backwards": "its slices have no negative steps",
    "cheap": "every new shape, dtype or eps would take seconds to compile: see the eager backend",
    "chunks": "the arrays are in one piece",
    "compile": "it compiles nothing",
    "derivative": "it differentiates nothing",
    "errstate": "its operations do not raise NumPy's floating-point errors",
    "export": "it exports no programs",
    "fork": "it does not survive a fork",
    "immutable": "its arrays can be written to",
    "lazy": "its arrays hold values, not plans",
    "second": "it has no second derivatives",
    "shard": "it shards nothing",
    "order": "the order of axes in memory cannot be chosen",
    "traces": "it traces nothing",
    "views": "its slices are copies",
    "vmap": "it maps nothing over a batch",
    "writable": "its arrays cannot be written to",
}
"""What only some backends can do, and what is said of one that cannot."""


def dtype_of(name: str) -> np.dtype:
    """Return the dtype of NumPy or ml_dtypes of a name."""
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


class Backend(AbstractContextManager):
    """NumPy's arrays, and what a subclass changes.

    Attributes
    ----------
    name : str
        ``library``, ``library:mode`` or ``library:device:mode``.
    dtypes : tuple of str
        The real floating-point ones.
    default : str
        The one that integers become.
    features : frozenset of str
        Some of `FEATURES`.
    modes : tuple of str
        Ways to differentiate.
    of_ours : bool
        Whether it differs from another backend for our functions alone.
    """

    module = "numpy"
    dtypes: tuple[str, ...] = FLOATS
    default = "float64"
    features = frozenset({"backwards", "cheap", "errstate", "fork", "order", "views", "writable"})
    modes: tuple[str, ...] = ()
    of_ours = False

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    @property
    def xp(self) -> Any:
        """The library, imported by the first use."""
        return import_module(self.module)

    @property
    def library(self) -> str:
        """The first part of the name."""
        return self.name.partition(":")[0]

    @property
    def writable(self) -> bool:
        """Whether its arrays can be written to."""
        return "writable" in self.features

    @property
    def flushes_subnormals(self) -> bool:
        """Whether it takes subnormal numbers of float32 for 0."""
        return self.flushes("float32")[0]

    @property
    def evaluates_wide(self) -> bool:
        """Whether our functions are evaluated in float64 there, for float32."""
        return bound("value", "logit", "float32", self.name) < 0.51

    def array(self, values: Any, dtype: Any = None) -> Array:
        """Return an array of the library with values that NumPy can read."""
        return self.asarray(np.array(values, dtype_of(dtype) if isinstance(dtype, str) else dtype))

    def missing(self) -> str | None:
        """Return why the backend cannot run here, or None."""
        package = self.module.partition(".")[0]
        return None if find_spec(package) else f"{package} is not installed"

    def version(self) -> str:
        """Return the version of the library."""
        return str(import_module(self.module.partition(".")[0]).__version__)

    def device(self) -> str:
        """Return what the library calls the hardware."""
        return "CPU"

    def settings(self) -> AbstractContextManager:
        """Return the context that functions run in."""
        return nullcontext()

    def __enter__(self) -> "Backend":
        self._stack = ExitStack()
        self._stack.enter_context(self.settings())
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.close()

    def asarray(self, x: np.ndarray) -> Array:
        """Return an array of the library with a copy of the values and the dtype of `x`."""
        return np.array(x)

    def to_numpy(self, y: Array) -> np.ndarray:
        """Return the values of an array of the library."""
        return np.asarray(y)

    def layouts(self, values: np.ndarray) -> Iterator[tuple[str, Array, np.ndarray]]:
        """Yield arrays in all the ways that they can lie in memory, and what each holds.

        Parameters
        ----------
        values : ndarray
            What they are views of, of three axes.
        """
        x = self.asarray(values)
        for name, index in {
            "every other": np.s_[:, ::2, 1::3],
            "one row": np.s_[1, ...],
            "one column": np.s_[..., 1],
        }.items():
            yield name, x[index], values[index]
        yield "transposed", self.asarray(values[0]).T, values[0].T
        yield from self.strange_layouts(values)

    def strange_layouts(self, values: np.ndarray) -> Iterator[tuple[str, Array, np.ndarray]]:
        """Yield those that only some libraries have."""
        x = self.asarray(values)
        for name, index in {
            "all axes backwards": np.s_[::-1, ::-1, ::-1],
            "one axis backwards": np.s_[:, ::-1, :],
            "every other backwards": np.s_[0, 0, ::-2],
        }.items():
            yield name, x[index], values[index]
        index = np.s_[:, :1, :]
        repeated = np.broadcast_to(values[index], values.shape)
        yield "repeated by a stride of 0", self.xp.broadcast_to(x[index], values.shape), repeated
        yield (
            "one number",
            self.xp.broadcast_to(x[0, 0, 1], (7, 9)),
            np.full((7, 9), values[0, 0, 1]),
        )

    def is_array(self, y: Any) -> bool:
        """Return whether `y` is an array of the library, on the device of the backend."""
        return type(y) is type(self.asarray(np.zeros(1))) or isinstance(y, np.generic)

    def dtype_name(self, y: Array) -> str:
        """Return NumPy's name for the dtype of an array."""
        return str(y.dtype).rpartition(".")[2]

    def transform(self, f: Function) -> Function:
        """Return `f` as the mode runs it."""
        return f

    def derivative(self, f: Function, x: Array, order: int, mode: str) -> Array:
        """Return the derivative of an elementwise function, one of `modes`."""
        raise NotImplementedError(f"{self.name} differentiates nothing")

    def flushes(self, dtype: str) -> tuple[bool, bool]:
        """Return whether subnormal numbers are taken for 0, and whether they become 0."""
        info = ml_dtypes.finfo(dtype_of(dtype))
        tiny = np.asarray([info.smallest_subnormal, info.smallest_normal], dtype_of(dtype))
        with np.errstate(all="ignore"):
            up = self.to_numpy(self.asarray(tiny[:1]) * 2.0**10)
            down = self.to_numpy(self.asarray(tiny[1:]) * 0.5)
        return bool(up[0] == 0), bool(down[0] == 0)


class OnEngine:
    # Evaluated by an engine of arraylogit; another implementation runs as without it.
    of_ours = True

    def missing(self):
        return super().missing() or (None if find_spec("numba") else "numba is not installed")

    @contextmanager
    def settings(self):
        from arraylogit import engine

        with super().settings(), engine("numba"):
            yield
