"""The axis and the curves of the plots in a report."""

import re
from itertools import pairwise

import numpy as np
import pytest

from arraylogit.testing.axis import BINS, Axis
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.plot import Curve, Figure


class TestAxis:
    @pytest.mark.parametrize("function", FUNCTIONS)
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_ascends_from_end_to_end(self, function, dtype):
        axis = Axis(function, dtype)
        ends = axis.segments[0].first, axis.segments[-1].last
        assert all(one.last == other.first for one, other in pairwise(axis.segments))
        x = np.sort(np.concatenate([np.linspace(*ends, 9999), 0.5 - 2.0 ** -np.arange(2.0, 30)]))
        where = axis.positions(x[(x >= ends[0]) & (x <= ends[1])])
        assert (where[0], where[-1]) == (0, 1)
        assert (np.diff(where) >= -1e-12).all()
        positions = [position for position, _ in axis.ticks()]
        assert len(set(positions)) == len(positions)
        assert 0 <= min(positions) < max(positions) <= 1

    def test_the_worst_point_is_kept_and_resolved(self):
        x = np.linspace(0, 1, 10_001, dtype=np.float32)
        x = np.sort(np.append(x, np.float32([0.5 - 2**-25, 0.5 - 2**-20])))
        error = np.where(x == np.float32(0.5 - 2**-25), 4e6, np.where(x < 0.5, 0.25, np.inf))
        profile = Axis("logit", "float32").profile(x, error)
        assert len(profile) <= BINS
        assert [0.5 - 2**-25, 4e6] in profile
        assert [0.5 - 2**-20, 0.25] in profile  # elsewhere on the line
        assert max(error for _, error in profile) == 1e20
        assert sorted(profile) == profile


class TestPlot:
    def points(self, figure, name):
        svg = figure.svg(name)
        (path,) = re.findall(r'class="curve [^"]*" d="M([^"]*)"', svg)
        circles = re.findall(r'<circle class="worst" cx="([^"]*)" cy="([^"]*)"', svg)
        return [tuple(map(float, p.split())) for p in path.split("L")], circles

    def test_naive_formula_rises_next_to_half(self):
        naive = [(0.25, 1.0), (0.49, 100.0), (0.5 - 2**-25, 4194304.0), (0.75, 1.0)]
        ours = [(0.25, 0.5), (0.5 - 2**-25, 0.0), (0.75, 0.4)]
        figure = Figure(
            "logit",
            "float32",
            {
                "naive": [Curve("numpy", tuple(naive))],
                "ours": [Curve("jax:jit", tuple(ours))],
            },
        )
        assert figure.worst("naive") == (0.5 - 2**-25, 4194304.0)
        points, circles = self.points(figure, "naive")
        assert [x for x, _ in points] == sorted(x for x, _ in points)
        assert min(y for _, y in points) == points[2][1] == round(float(circles[0][1]))
        flat, none = self.points(figure, "ours")
        assert not none
        assert flat[0][1] > points[0][1] > points[1][1]  # on one scale
        assert 'class="curve jax"' in figure.svg("ours")
