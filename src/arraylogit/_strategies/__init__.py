"""How each library evaluates an elementwise formula best.

Array libraries are named only here. A strategy's module is imported when the first array
of its library is seen: the user has imported that library by then.
"""

import sys
from typing import Any

import numpy as np

from arraylogit._strategies._direct import Direct

_BY_TYPE: dict[type, Direct] = {}
_BY_NAMESPACE: dict[Any, Direct] = {}
_PYTHON = frozenset((float, int, bool, complex, list, tuple, str))


def strategy_of(x: Any) -> Direct | None:
    """Return the one strategy of the library of `x`; None where `x` is not an array."""
    kind = type(x)
    if kind in _PYTHON:
        return None
    strategy = _BY_TYPE.get(kind)
    if strategy is None:
        strategy = _of_type(x)
        if strategy is not None:
            _BY_TYPE[kind] = strategy
        elif hasattr(kind, "__array_namespace__"):  # arrays of a type may differ in it
            xp = x.__array_namespace__()
            return _BY_NAMESPACE.setdefault(xp, Direct(xp))
    return strategy


def _of_type(x: Any) -> Direct | None:
    # Decide by the type alone. Written out, because torch.compile does not trace importlib.
    if _is(x, "torch", "Tensor"):
        from arraylogit._strategies._torch import STRATEGY
    elif isinstance(x, np.ndarray | np.generic):  # JAX's float0 too, which it refuses
        from arraylogit._strategies._numpy import STRATEGY
    elif _is(x, "jax", "Array"):
        from arraylogit._strategies._jax import STRATEGY
    elif _is(x, "dask.array", "Array"):
        from arraylogit._strategies._dask import STRATEGY
    elif _is(x, "cupy", "ndarray"):
        from arraylogit._strategies._cupy import STRATEGY
    elif _is(x, "cubed", "Array"):
        from arraylogit._strategies._cubed import STRATEGY
    else:
        return None
    return STRATEGY


def _is(x: Any, module: str, name: str) -> bool:
    # A module may be missing, forbidden (None), or half imported by another thread. Then `x` is
    # not one of its arrays.
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(x, kind)
