"""Plots of errors against inputs: small drawings, coloured by the style sheet of the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import ceil, log10
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from arraylogit.testing.axis import LARGEST, Axis

WIDTH, HEIGHT = 320, 210
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 34
SMALLEST = 0.03
"""In ULP; smaller errors are drawn there."""


@dataclass(frozen=True)
class Curve:
    """The profile of one backend: inputs, and the largest error around each."""

    backend: str
    profile: tuple[tuple[float, float], ...]

    @property
    def library(self) -> str:
        """The first part of the name, which gives the colour."""
        return self.backend.partition(":")[0]


@dataclass(frozen=True)
class Figure:
    """Plots side by side, one for each target, with axes in common."""

    function: str
    dtype: str
    curves: dict[str, list[Curve]]

    @cached_property
    def axis(self) -> Axis:
        """The stretched line of inputs."""
        return Axis(self.function, self.dtype)

    @cached_property
    def errors(self) -> Any:
        """All that are drawn."""
        profiles = [c.profile for curves in self.curves.values() for c in curves]
        return np.concatenate([np.asarray(profile)[:, 1] for profile in profiles])

    @cached_property
    def top(self) -> int:
        """The power of ten that no finite error exceeds."""
        finite = self.errors[self.errors < LARGEST]
        return max(1, ceil(log10(max(finite.max(initial=1), 1))))

    @property
    def libraries(self) -> list[str]:
        """Those that are drawn, once each."""
        return list(dict.fromkeys(c.library for curves in self.curves.values() for c in curves))

    def worst(self, target: str) -> tuple[float, float]:
        """Return the input with the largest error, and this."""
        points = [point for curve in self.curves[target] for point in curve.profile]
        return max(points, key=lambda point: point[1])

    def svg(self, target: str) -> Markup:
        """Return the plot of a target."""
        x, error = self.worst(target)
        label = (
            f"{target}: errors of {self.function} in {self.dtype}, at most {error:.3g} at {x:.9g}"
        )
        parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
            *self._grid(target),
            *self._paths(self.curves[target]),
            *self._mark(x, error),
            "</svg>",
        ]
        return Markup("".join(parts))

    def _x(self, position: float) -> float:
        return LEFT + position * (WIDTH - LEFT - RIGHT)

    def _y(self, error: float) -> float:
        # An infinite error has a place of its own, above all others.
        low = log10(SMALLEST)
        infinite = bool(np.any(self.errors >= LARGEST))
        top = TOP + 14 * infinite
        if error >= LARGEST:
            return TOP
        part = (log10(max(error, SMALLEST)) - low) / (self.top - low)
        return HEIGHT - BOTTOM - part * (HEIGHT - BOTTOM - top)

    def _grid(self, target: str) -> list[str]:
        # Drawn once, for the first of the targets.
        name = f"grid-{self.function}-{self.dtype}"
        if target != next(iter(self.curves)):
            return [f'<use href="#{name}"/>']
        return [f'<g id="{name}">', *self._lines(), "</g>"]

    def _lines(self) -> list[str]:
        right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
        step = ceil((self.top + 1) / 6)
        levels = [(10.0**k, _power(k)) for k in range(0, self.top + 1, step)]
        if step == 1:
            levels.insert(0, (0.1, "0.1"))
        if np.any(self.errors >= LARGEST):
            levels.append((LARGEST, "∞"))
        lines = []
        for error, label in levels:
            y = self._y(error)
            lines.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{right}"/>')
            lines.append(f'<text class="y" x="{LEFT - 5}" y="{y + 3.5:.1f}">{label}</text>')
        lines.append(f'<path class="limit" d="M{LEFT} {self._y(2):.1f}H{right}"/>')
        for position, label in self.axis.ticks():
            x = self._x(position)
            # Those between the borders of segments in a row of their own.
            inside = len(self.axis.segments) > 1 and len(label) > 5
            y = bottom + (26 if inside else 13)
            anchor = "end" if position > 0.97 else "start" if position < 0.03 else "middle"
            lines.append(
                f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(label)}</text>'
            )
        return lines

    def _paths(self, curves: list[Curve]) -> Iterator[str]:
        # Those that are one line on the page, once.
        found: dict[tuple[str, str], list[str]] = {}
        for curve in curves:
            found.setdefault((curve.library, self._line(curve)), []).append(curve.backend)
        for (library, line), backends in found.items():
            title = f"<title>{escape(', '.join(backends))}</title>"
            yield f'<path class="curve {library}" d="{line}">{title}</path>'

    def _line(self, curve: Curve) -> str:
        points = np.asarray(curve.profile)
        where = [self._x(position) for position in self.axis.positions(points[:, 0])]
        places = [
            (round(x), round(self._y(error))) for x, error in zip(where, points[:, 1], strict=True)
        ]
        # Without those on a level line between two others.
        turns = [True, *(len({a[1], b[1], c[1]}) > 1 for a, b, c in _threes(places)), True]
        places = [f"{x} {y}" for (x, y), turn in zip(places, turns, strict=False) if turn]
        return "M" + "L".join(places)

    def _mark(self, x: float, error: float) -> list[str]:
        if error <= 10:
            return []
        position = float(self.axis.positions(np.asarray([x]))[0])
        return [
            f'<circle class="worst" cx="{self._x(position):.1f}" cy="{self._y(error):.1f}" r="4"/>'
        ]


def _threes(places: list[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], ...]]:
    return zip(places, places[1:], places[2:], strict=False)


def _power(k: int) -> str:
    if k <= 2:
        return str(10**k)
    return "10" + "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(k))
