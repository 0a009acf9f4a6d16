"""The measurements that checks hand to the report, in the `records` of a subject."""

from functools import cache
from typing import Any

import numpy as np

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.axis import LARGEST, Axis
from arraylogit.testing.subject import Subject

Array = np.ndarray

COMMON = 2000
"""About how many inputs all backends are compared at."""


def errors(
    subject: Subject,
    summary: measure.Summary,
    bound: float,
    mode: str | None = None,
    points: tuple[Array, Array] | None = None,
) -> None:
    """Record the errors of the values, or of a derivative.

    Parameters
    ----------
    subject : Subject
        The subject measured.
    summary : Summary
        The statistics of the errors.
    bound : float
        The largest error allowed.
    mode : str, optional
        The mode of differentiation.
    points : tuple of ndarray, optional
        Inputs and errors, for a plot.
    """
    found = {"bound": bound, "mode": mode} | summary.to_dict()
    found["regions"] = {name: part for name, part in found["regions"].items() if part["count"]}
    if points is not None and summary.dtype in ("float32", "float64"):
        x, error = points
        finite = np.isfinite(x)
        axis = Axis(subject.function, summary.dtype)
        found["profile"] = axis.profile(x[finite], error[finite])
    subject.records.setdefault("errors", []).append(found)


def region(error: dict[str, Any]) -> str:
    """Return the region of the largest recorded error."""
    parts = error["regions"]
    return max(parts, key=lambda name: float(parts[name]["max"]), default="nowhere")


def values(subject: Subject) -> None:
    """Record the results in float32 at inputs that are the same for all backends.

    Masked where the backend takes subnormal numbers for 0.
    """
    x, exact = _common(subject.function)
    y = subject(x).astype(np.float32, copy=False)
    subject.records["values"] = np.ma.array(y, mask=subject.subnormal(x, exact))


@cache
def _common(function: str) -> tuple[Array, Array]:
    x = inputs.structured(function, np.float32, COMMON)
    return x, reference.wide(function, x)


def agreement(one: np.ma.MaskedArray, other: np.ma.MaskedArray) -> dict[str, Any]:
    """Return how `values` of two backends compare: how many, how many identical, ULP apart."""
    both = ~(one.mask | other.mask)
    a, b = one.data[both], other.data[both]
    same = (a.view(np.int32) == b.view(np.int32)) | (np.isnan(a) & np.isnan(b))
    apart = max(
        measure.ulp_error(y, z.astype(np.float64), np.float32).max(initial=0)
        for y, z in ((a, b), (b, a))
    )
    return {
        "compared": int(a.size),
        "identical": int(np.count_nonzero(same)),
        "apart": min(float(apart), LARGEST),
    }
