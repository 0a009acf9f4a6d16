"""Contestants run in turn, round after round, so that a disturbance hits all of them alike."""

import statistics
import time
from collections.abc import Callable
from typing import Any

Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"cpu": time.process_time, "wall": time.perf_counter}


def measure(
    calls: dict[str, Callable[[], Any]], clock: Clock, seconds: float, rounds: int
) -> dict[str, dict[str, float]]:
    """Return for each peer of the first contestant its time over the first one's.

    ``ratio``, ``low`` and ``high`` are the median and the quartiles of the ratios of single
    rounds, and ``best`` is the ratio of the shortest times, which a clock that steps (that of
    the CPU in a virtual machine does) can spoil. At least `rounds` rounds, and as many as fit
    into `seconds`.
    """
    repeats = {}
    for name, call in calls.items():
        call()  # compiles
        elapsed = _time(call, 1, clock)
        repeats[name] = max(1, round(2e-4 / max(elapsed, 1e-7)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    end = time.perf_counter() + seconds
    while len(next(iter(times.values()))) < rounds or time.perf_counter() < end:
        for name, call in calls.items():
            times[name].append(_time(call, repeats[name], clock))
    (_, ours), *peers = times.items()
    results = {}
    for name, theirs in peers:
        ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
        low, median, high = statistics.quantiles(ratios, n=4, method="inclusive")
        best = min(theirs) / min(ours)
        results[name] = {"ratio": median, "low": low, "high": high, "best": best}
    return results


def _time(call: Callable[[], Any], repeats: int, clock: Clock) -> float:
    # Once before, or each would pay for the memory that the one before it gave back to the system.
    call()
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats
