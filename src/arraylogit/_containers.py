"""Containers of arrays: asked to apply a function as they apply a ufunc of NumPy.

Tables, labelled arrays and units carry more than numbers, and keep it through NumPy's protocol
``__array_ufunc__``. No library is named here.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np


class Ufunc:
    """The attributes of a NumPy ufunc that containers read to apply it to their arrays.

    Parameters
    ----------
    name : str
        The name of the function.
    evaluate : callable
        ``evaluate(x, out)``, which a container calls with each array that it holds.
    """

    nin, nout, nargs, ntypes = 1, 1, 2, 2
    types: ClassVar[list[str]] = ["f->f", "d->d"]  # a container chooses the dtype of its result
    signature = identity = None  # elementwise

    def __init__(self, name: str, evaluate: Callable[[Any, Any], Any]) -> None:
        self.__name__ = name
        self.evaluate = evaluate

    def __call__(self, x: Any, /, out: Any = None, dtype: Any = None) -> Any:
        """Return the values at `x`; `dtype`, which some containers pass, is that of `out`."""
        if x is None:
            raise TypeError(
                f"{self.__name__}: `input` has a dtype that NumPy cannot read: convert it to a "
                "floating-point one"
            )
        if isinstance(out, tuple):
            (out,) = out
        return self.evaluate(x, out)

    def apply(self, container: Any) -> Any:
        """Return what a container makes of this function, or NotImplemented."""
        return type(container).__array_ufunc__(container, self, "__call__", container)


def has_own_ufuncs(kind: type) -> bool:
    """Return whether a type applies NumPy's functions itself."""
    return callable(getattr(kind, "__array_ufunc__", None))


def overrides_ufuncs(kind: type) -> bool:
    """Return whether a type applies NumPy's functions otherwise than NumPy's array does."""
    own = getattr(kind, "__array_ufunc__", None)
    return callable(own) and own is not np.ndarray.__array_ufunc__


def computes(kind: type) -> bool:
    """Return whether NumPy can read a type that has arithmetic of its own.

    A type that only stores numbers may be read through ``__array__``. One with arithmetic may
    track gradients or be lazy, and reading it would drop these without a word.
    """
    computes = hasattr(kind, "__array__") and hasattr(kind, "__add__")
    return computes and not hasattr(kind, "__arrow_c_array__")  # Arrow's protocol, of stored data
