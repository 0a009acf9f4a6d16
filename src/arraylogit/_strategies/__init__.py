"""How each library evaluates an elementwise formula best.

The only place that names array libraries. A strategy's module is imported when the first array
of its library is seen: the user has imported that library by then.
"""

import sys
from typing import Any

import array_api_compat as compat

from arraylogit._strategies._direct import Direct

_BY_TYPE: dict[type, Direct] = {}
_BY_NAMESPACE: dict[Any, Direct] = {}


def strategy_of(x: Any) -> Direct | None:
    """Return the one strategy of the library of `x`; None where `x` is not an array."""
    kind = type(x)
    strategy = _BY_TYPE.get(kind)
    if strategy is None:
        strategy = _resolve(x)
        if strategy is not None:
            _BY_TYPE[kind] = strategy
    return strategy


def _resolve(x: Any) -> Direct | None:
    # torch first and without array_api_compat, whose caches torch.compile does not trace; nor
    # does it trace importlib.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.Tensor):
        from arraylogit._strategies._torch import STRATEGY

        return STRATEGY
    if compat.is_numpy_array(x):
        from arraylogit._strategies._numpy import STRATEGY

        return STRATEGY
    if compat.is_jax_array(x):
        from arraylogit._strategies._jax import STRATEGY

        return STRATEGY
    if compat.is_dask_array(x):
        from arraylogit._strategies._dask import STRATEGY

        return STRATEGY
    if compat.is_cupy_array(x):
        from arraylogit._strategies._cupy import STRATEGY

        return STRATEGY
    cubed = sys.modules.get("cubed")
    if cubed is not None and isinstance(x, cubed.Array):
        from arraylogit._strategies._cubed import STRATEGY

        return STRATEGY
    try:
        xp = compat.array_namespace(x)
    except TypeError:
        return None
    return _BY_NAMESPACE.setdefault(xp, Direct(xp))
