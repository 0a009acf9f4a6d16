"""What the suite measures errors with: units in the last place, special values, summaries."""

import json
from math import inf, nan

import numpy as np
import pytest
from mpmath import mp, mpf

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.measure import format_of, ulp_error
from tests.curves import each_dtype, each_name, sample


class TestMeasure:
    @each_dtype
    def test_units(self, dtype):
        form = format_of(dtype)
        unit, tiny = 2.0**-form.digits, mpf(2) ** (form.lowest - form.digits)
        tiny = float(tiny)
        cases = [
            (1, 1, 0),
            (1 + unit, 1, 1),
            (1 - unit / 2, 1, 0.5),  # the unit is that of the binade of the reference
            (1, 1 - unit / 2, 1),
            (2, 1, 1 / unit),
            (-1, 1, 2 / unit),
            (0.0, -0.0, 0),
            (3 * tiny, tiny, 2),
            (tiny, 0, 1),
            (0, tiny, 1),
        ]
        a, r, expected = np.asarray(cases).T
        assert ulp_error(a.astype(dtype), r).tolist() == expected.tolist()
        assert ulp_error(a, r, dtype).tolist() == expected.tolist()
        assert ulp_error(a.astype(dtype), r.astype(dtype)).tolist() == expected.tolist()

    @each_dtype
    @pytest.mark.parametrize("sign", [1, -1])
    def test_infinities(self, dtype, sign):
        form = format_of(dtype)
        wide = np.longdouble
        top = np.ldexp(wide(1), form.highest + 1)
        unit = np.ldexp(wide(1), form.highest - form.digits)
        largest = (top - unit).astype(dtype)
        cases = [
            (inf, inf, 0),
            (inf, top - unit / 2, 0),  # rounds to infinity
            (inf, top - 0.75 * unit, 0.75),
            (inf, top - unit, 1),
            (inf, top * 4, 0),
            (-inf, inf, inf),
            (-inf, top, None),
            (largest, inf, inf),
            (largest, top - unit / 4, 0.75),
            (nan, nan, 0),
            (nan, 1, inf),
            (1, nan, inf),
            (inf, nan, inf),
            (nan, inf, inf),
        ]
        for a, r, expected in cases:
            actual = np.asarray([sign * wide(a)]).astype(dtype)
            (error,) = ulp_error(actual, np.asarray([sign * wide(r)]))
            assert error == expected or (expected is None and error > 2**form.digits), (a, r)

    def test_infinity_by_a_reference_of_the_same_dtype(self):
        largest = np.finfo(np.float64).max
        got = ulp_error(np.asarray([inf, inf, 1.0]), np.asarray([largest, inf, inf]))
        assert got.tolist() == [1, 0, inf]

    @each_dtype
    def test_against_mpmath(self, dtype):
        rng = np.random.default_rng(2)
        x = rng.choice(inputs.structured("expit", dtype, 3000), 300)
        x = x[np.abs(x.astype(float)) < format_of(dtype).highest]
        r = x.astype(np.float64) * rng.uniform(0.9, 1.1, x.size)
        form = format_of(dtype)
        expected = []
        for a, b in zip(x, r, strict=True):
            exponent = max(int(mp.frexp(mpf(float(b)))[1]) - 1 if b else form.lowest, form.lowest)
            unit = mpf(2) ** (min(exponent, form.highest) - form.digits)
            with mp.workprec(200):
                expected.append(float(abs(mpf(float(a)) - mpf(float(b))) / unit))
        assert ulp_error(x, r) == pytest.approx(np.asarray(expected), rel=1e-12)
        if dtype == np.float64:
            assert ulp_error(x, r.astype(np.longdouble)).tolist() == expected

    def test_same_special(self):
        a = np.asarray([0.0, -0.0, inf, nan, 1, 1, 0, nan], np.float32)
        r = np.asarray([0.0, 0.0, inf, nan, 2, inf, 1, 1])
        expected = [True, False, True, True, True, False, False, False]
        assert measure.same_special(a, r).tolist() == expected
        # 1e-60 and 1e60 are special in float32.
        assert measure.same_special(a[[0, 2]], np.asarray([1e-60, 1e60])).all()

    @each_dtype
    def test_flushed(self, dtype):
        form = format_of(dtype)
        wide = np.longdouble(2)
        smallest, normal = wide ** (form.lowest - form.digits), wide**form.lowest
        r = np.asarray([smallest, -normal / 2, smallest * 0.51, smallest * 0.49, normal, 0, nan])
        zeros = np.zeros(r.shape, dtype)
        assert measure.flushed(zeros, r).tolist() == [True] * 3 + [False] * 4
        assert not measure.flushed(zeros + dtype.type(1), r).any()
        own = np.asarray([smallest, 0]).astype(dtype)
        assert measure.flushed(zeros[:2], own).tolist() == [True, False]

    @each_dtype
    def test_drops(self, dtype):
        x = np.asarray([-1, -0.0, 0.0, 1, 2, 3, nan]).astype(dtype)
        unit = 2.0 ** -format_of(dtype).digits
        y = np.asarray([1, 1 + unit, 1, 1 + 3 * unit, 1, 1, 0]).astype(dtype)
        # Not from -0 to 0, which are one number; not where x is NaN.
        assert measure.drops(x, y) == (1, 3.0)
        assert measure.drops(x[:2], y[:2]) == (0, 0.0)

    @each_dtype
    def test_not_odd(self, dtype):
        x = inputs.structured("logit", dtype, 0)
        wrong = dtype.type(0.75)

        def broken(x):
            return np.where(x == wrong, x, dtype.type(0.5) - x)

        compared = measure.not_odd(lambda x: dtype.type(0.5) - x, x[x >= 0.5])
        assert compared == (0, np.count_nonzero(x >= 0.5))
        assert measure.not_odd(broken, x)[0] == 2  # seen from 0.75 and from 0.25

    @each_name
    def test_summaries_merge(self, name):
        x = sample(name, np.dtype(np.float32), 2000)
        x = np.concatenate([x, np.asarray([nan], np.float32)])
        expected = reference.wide(name, x)
        with np.errstate(over="ignore"):
            y = expected.astype(np.float32)
        y[::7] *= np.float32(1 + 1e-6)
        y[3] = nan
        whole = measure.summarise(name, x, y, expected, coverage=measure.EXHAUSTIVE)
        half = x.size // 2
        first, second = (
            measure.summarise(name, x[s], y[s], expected[s], coverage=measure.EXHAUSTIVE)
            for s in (slice(half), slice(half, None))
        )
        merged = first.merge(second)
        assert merged.overall.total == pytest.approx(whole.overall.total)
        for summary in (merged, whole):
            for part in (summary.overall, *summary.regions.values()):
                part.total = 0.0
        assert merged == whole
        assert whole.overall.count == x.size == sum(whole.overall.histogram)
        assert whole.overall.max == inf
        assert whole.overall.infinite == 1
        assert whole.regions["outside"].count >= 1
        assert sum(part.count for part in whole.regions.values()) == x.size
        again = measure.Summary.from_dict(json.loads(json.dumps(whole.to_dict(), allow_nan=False)))
        assert again == whole

    def test_witness_and_histogram(self):
        x = np.asarray([0.1, 0.5, 0.9, 1e-40, 2.0], np.float32)
        exact = np.asarray([1, 1, 1, 1, nan])
        unit = 2.0**-23
        y = np.asarray([1, 1 + unit, 1 + 20 * unit, 1 + 2 * unit, nan], np.float32)
        summary = measure.summarise("logit", x, y, exact)
        assert summary.coverage == measure.LOWER_BOUND
        assert summary.overall.histogram == [2, 0, 1, 1, 0, 1]
        assert summary.overall.mean == 23 / 5
        assert summary.overall.max == 20
        hexadecimal = "0x1.ccccccp-1".replace("cp", "c0000000p")
        assert summary.overall.witness == measure.Witness("0.9", hexadecimal, "1.0000024", "1.0")
        assert {name: part.max for name, part in summary.regions.items()} == {
            "lower tail": 0,
            "next to 0.5": 1,
            "upper tail": 20,
            "subnormal": 2,
            "outside": 0,
        }

    def test_flushed_results_are_counted(self):
        x = np.asarray([-100.0, 0.0], np.float32)
        summary = measure.summarise(
            "expit", x, np.asarray([0, 0.5], np.float32), reference.wide("expit", x)
        )
        assert summary.flushed == 1
        assert summary.merge(summary).flushed == 2
        assert summary.regions["subnormal"].count == 1
        assert summary.regions["next to 0"].max == 0

    def test_summaries_that_do_not_belong_together(self):
        with pytest.raises(
            ValueError, match="cannot merge expit in float32 into logit in float32"
        ):
            measure.Summary("logit", "float32").merge(measure.Summary("expit", "float32"))
        with pytest.raises(ValueError, match="coverage must be"):
            measure.Summary("logit", "float32", "all")
        both = measure.Summary("logit", "float32", measure.EXHAUSTIVE)
        assert both.merge(measure.Summary("logit", "float32")).coverage == measure.LOWER_BOUND
