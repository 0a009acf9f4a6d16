"""Positions of inputs on a line that is stretched where a function is difficult."""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite, log

import numpy as np

from arraylogit.testing.backends import dtype_of
from arraylogit.testing.functions import function_of
from arraylogit.testing.measure import format_of

Array = np.ndarray
BINS = 80
"""The largest number of inputs in a profile."""


@dataclass(frozen=True)
class Segment:
    """An interval of inputs; its share of the line grows with `weight`.

    Linear if `smallest` is 0; otherwise logarithmic in the distance from `origin`, one of the two
    ends, down to `smallest`.
    """

    first: float
    last: float
    weight: float = 1.0
    origin: float = 0.0
    smallest: float = 0.0

    def fraction(self, x: Array) -> Array:
        """Return where numbers of the interval lie, from 0 to 1."""
        if not self.smallest:
            return (x - self.first) / (self.last - self.first)
        distance = np.maximum(np.abs(x - self.origin), self.smallest)
        nearest = log(self.smallest)
        part = (np.log(distance) - nearest) / (log(self.last - self.first) - nearest)
        return part if self.origin == self.first else 1 - part

    def ticks(self) -> list[tuple[float, str]]:
        """Return the inputs inside it that have a label."""
        if not self.smallest:
            span = (self.last - self.first) / self.weight
            step = span // (unit := 10.0 ** np.floor(np.log10(span))) * unit
            whole = np.arange(np.ceil(self.first / step), self.last / step - 0.1) * step
            return [(float(x), f"{x:g}") for x in whole]
        exponent = round(np.log10(self.smallest) / 2)
        sign = 1 if self.origin == self.first else -1
        name = {0.0: "" if sign > 0 else "−", 1.0: "1−"}.get(self.origin)
        if name is None:
            name = ("½" if self.origin == 0.5 else "−ln 2") + ("+" if sign > 0 else "−")
        return [(self.origin + sign * 10.0**exponent, f"{name}1e{exponent}")]


@dataclass(frozen=True)
class Axis:
    """The line for the inputs of a function in a dtype."""

    function: str
    dtype: str

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """Intervals that follow each other; inputs beyond are shown at its ends."""
        digits, lowest, _ = format_of(dtype_of(self.dtype))
        tiny, close = 2.0 ** (lowest - digits) or 5e-324, 2.0 ** (-digits - 3)
        limit = 1.06 * (digits + 1 - lowest) * log(2)  # expit is 0 before that
        first, last = (min(max(end, -limit), limit) for end in function_of(self.function).domain)
        parts = [
            Segment(a, b, 1, origin, close if origin else tiny)
            for a, b, origin in function_of(self.function).stretched
        ]
        if parts and first < parts[0].first:
            parts.insert(0, Segment(first, parts[0].first))
        return tuple(parts) or (Segment(first, last, 4),)

    def positions(self, x: Array) -> Array:
        """Return where inputs lie, from 0 to 1."""
        x = np.clip(np.asarray(x, np.float64), self.segments[0].first, self.segments[-1].last)
        where, start = np.zeros(x.shape), 0.0
        total = sum(part.weight for part in self.segments)
        for part in self.segments:
            inside = (x >= part.first) & (x <= part.last)
            where[inside] = start + part.weight / total * part.fraction(x[inside])
            start += part.weight / total
        return where

    def ticks(self) -> list[tuple[float, str]]:
        """Return positions and labels: the borders of the segments, and inputs inside."""
        names = {-log(2): "−ln 2", 0.5: "½", 0.25: "¼", 0.75: "¾"}
        borders = [part.last for part in self.segments[:-1]]
        borders += [end for end in function_of(self.function).domain if isfinite(end)]
        found = [(x, names.get(x, f"{x:g}")) for x in borders]
        for part in self.segments:
            found += part.ticks()
        where = self.positions(np.asarray([x for x, _ in found]))
        labels = (label.replace("-", "−") for _, label in found)
        return sorted(zip(where.tolist(), labels, strict=True))

    def profile(self, x: Array, error: Array) -> list[list[float]]:
        """Return the input with the largest error in each of `BINS` parts, and the error."""
        x = np.asarray(x, np.float64)
        bins = np.minimum((self.positions(x) * BINS).astype(int), BINS - 1)
        largest, where = np.full(BINS, -1.0), np.full(BINS, -1)
        np.maximum.at(largest, bins, error)
        there = np.flatnonzero(error == largest[bins])
        where[bins[there]] = there  # the last, of equal ones
        return [[float(x[i]), float(f"{min(error[i], LARGEST):.4g}")] for i in where[where >= 0]]


LARGEST = 1e20
"""The number that stands for an infinite error, which JSON lacks."""
