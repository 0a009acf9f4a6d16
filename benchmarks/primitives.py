"""The cost of one operation: nanoseconds an element, in cache, on one thread."""

import time
from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

SIZE, ARRAYS = 16384, 50  # enough for no processor to remember which numbers are small
OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "x + x": lambda x, xp: x + x,
    "1 - x": lambda x, xp: 1 - x,
    "x / x": lambda x, xp: x / x,
    "log": lambda x, xp: xp.log(x),
    "log1p": lambda x, xp: xp.log1p(x),
    "exp": lambda x, xp: xp.exp(x),
    "expm1": lambda x, xp: xp.expm1(x),
    "where(x < ½)": lambda x, xp: xp.where(x < 0.5, x, x),
}


def table() -> str:
    """Return a Markdown table of the operations in NumPy, and in torch if it is installed."""
    libraries: dict[str, tuple[Any, Callable[[np.ndarray], Any]]] = {"NumPy": (np, np.asarray)}
    try:
        import torch
    except ImportError:
        pass
    else:
        torch.set_num_threads(1)
        libraries["torch"] = (torch, torch.from_numpy)
    lines = [f"| | {' | '.join(OPERATIONS)} |", "|---" * (len(OPERATIONS) + 1) + "|"]
    for name, (xp, convert) in libraries.items():
        for dtype in ("float32", "float64"):
            values = np.random.default_rng(0).random((ARRAYS, SIZE)).astype(dtype)
            arrays = [convert(row) for row in values]
            costs = (_nanoseconds(f, arrays, xp) for f in OPERATIONS.values())
            lines.append(f"| {name}, {dtype} | {' | '.join(f'{cost:.2g}' for cost in costs)} |")
    return "\n".join(lines)


def _nanoseconds(operation: Callable[[Any, Any], Any], arrays: list[Any], xp: Any) -> float:
    turns = cycle(arrays)

    def once() -> float:
        start = time.process_time()
        for _ in range(10):
            operation(next(turns), xp)
        return time.process_time() - start

    return min(once() for _ in range(50)) / 10 / SIZE * 1e9
