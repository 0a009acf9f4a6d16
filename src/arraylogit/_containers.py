"""Containers of arrays: asked to apply a function as they apply a ufunc of NumPy.

Tables, labelled arrays, units and the like know what has to go along with their numbers. They say
so by NumPy's protocol, ``__array_ufunc__``: no library is named here.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np


class Ufunc:
    """What containers read of a ufunc of NumPy: enough to apply it to the arrays they hold.

    Parameters
    ----------
    name : str
        The name of the function.
    evaluate : callable
        ``evaluate(x, out)``, the function itself, of whatever a container holds.
    """

    nin, nout, nargs, ntypes = 1, 1, 2, 2
    types: ClassVar[list[str]] = ["f->f", "d->d"]  # from which a container chooses its result
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
    """Return whether a type says itself what NumPy's functions of it are."""
    return callable(getattr(kind, "__array_ufunc__", None))


def overrides_ufuncs(kind: type) -> bool:
    """Return whether a type, derived from NumPy's array or not, has functions of its own."""
    own = getattr(kind, "__array_ufunc__", None)
    return callable(own) and own is not np.ndarray.__array_ufunc__


def computes(kind: type) -> bool:
    """Return whether a type has NumPy's way to read it, and arithmetic of its own.

    A library that stores numbers consents to be read by ``__array__``. One that computes with
    them may differentiate what it computes, or plan it: to read it would be the silent end of
    gradients and of laziness.
    """
    computes = hasattr(kind, "__array__") and hasattr(kind, "__add__")
    return computes and not hasattr(kind, "__arrow_c_array__")  # Arrow's protocol, of stored data
