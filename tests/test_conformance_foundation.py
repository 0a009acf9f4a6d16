"""What the conformance suite measures with: reference, ULP, inputs, vectors, sweeps."""

import json
from math import inf, nan
from types import SimpleNamespace

import ml_dtypes
import mpmath
import numpy as np
import pytest
from conformance.vectors import make
from mpmath import mp, mpf

from arraylogit.testing import hardcases, inputs, measure, reference, sweep
from arraylogit.testing.functions import curve_of, curves, function_of
from arraylogit.testing.measure import format_of, ulp_error

DTYPES = [np.dtype(t) for t in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)]
NAMES = curves()
# In so many bits that no cancellation is felt in the definitions.
BITS = 4000

each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.name)
each_name = pytest.mark.parametrize("name", NAMES)


def sample(name, dtype, n, seed=0):
    x = inputs.structured(name, dtype, 4 * n, seed)
    some = np.random.default_rng(seed).choice(x, min(n, x.size), replace=False)
    return np.sort(np.concatenate([some, np.unique(inputs.hard(name, dtype))]))


def same(a, b):
    return bool(np.all(measure.same_special(a, b) & (ulp_error(a, b) == 0)))


class TestReference:
    @each_name
    @each_dtype
    def test_rounded_as_the_definition(self, name, dtype):
        x = sample(name, dtype, 60)
        x = x[np.abs(x.astype(float)) < 1000]
        x = x[[float(v) not in curve_of(name).special for v in x]]
        with mp.workprec(BITS):
            values = [curve_of(name).definition(mpf(float(v)), mp) for v in x]
        expected = np.asarray([reference.nearest(v, dtype) for v in values], dtype)
        assert x.size > 30
        assert same(reference.rounded(name, x), expected)

    def test_precision_is_raised_until_the_rounding_is_decided(self):
        # 0.5 + x/4 - x^3/48: the second term is half a ULP, the third takes 156 bits to see.
        x = 3 * 2.0**-52
        assert reference.rounded("expit", np.asarray([x]))[0] == 0.5 + 2.0**-53
        with mp.workprec(53):
            assert float(0.5 + mpf(x) / 4) == 0.5 + 2.0**-52

    @each_dtype
    def test_nearest_rounds_as_numpy_does(self, dtype):
        wider = {2: np.float32, 4: np.float64, 8: np.longdouble}[dtype.itemsize]
        form = format_of(dtype)
        rng = np.random.default_rng(1)
        x = rng.uniform(-2, 2, 3000).astype(wider)
        x[::3] = rng.integers(-600, 600, 1000) / 256  # ties in the narrowest
        with np.errstate(all="ignore"):
            x = np.ldexp(x, rng.integers(form.lowest - form.digits - 2, form.highest + 2, x.size))
            expected = x.astype(dtype)
        with mp.workprec(100):
            values = [mpf(p) / q for p, q in (v.as_integer_ratio() for v in x[np.isfinite(x)])]
        got = np.asarray([reference.nearest(v, dtype) for v in values], dtype)
        assert measure.same_special(got, x[np.isfinite(x)]).all()
        assert same(got, expected[np.isfinite(x)])

    def test_nearest_longdouble(self):
        third = np.longdouble(1) / 3
        with mp.workprec(200):
            assert reference.nearest(mpf(1) / 3, np.longdouble) == third
            assert reference.nearest(-mpf(1) / 3, np.longdouble) == -third

    @each_name
    @each_dtype
    def test_wide_is_as_accurate_as_it_says(self, name, dtype):
        x = np.concatenate([sample(name, dtype, 250), inputs.outside(name, dtype)])
        x = np.concatenate([x, np.asarray([a for a, _ in inputs.special(name)], dtype)])
        wide = reference.wide(name, x)
        expected = reference.rounded(name, x, wide.dtype)
        assert wide.dtype == (np.longdouble if dtype == np.float64 else np.float64)
        assert ulp_error(wide, expected, dtype).max() <= (0.002 if dtype == np.float64 else 1e-8)
        with np.errstate(all="ignore"):
            assert measure.same_special(wide.astype(dtype), expected).all()

    def test_wide_refuses_where_nothing_is_wider(self, monkeypatch):
        with pytest.raises(TypeError, match="no wider dtype"):
            reference.wide("logit", np.ones(1, np.longdouble))
        numpy = SimpleNamespace(**vars(np) | {"longdouble": np.float64})
        monkeypatch.setattr(reference, "np", numpy)
        with pytest.raises(TypeError, match="no wider dtype for float64"):
            reference.wide("logit", np.ones(1))

    @pytest.mark.parametrize(
        ("x", "eps", "expected"),
        [
            (np.float32(0), 1e-6, -13.815511),
            (np.float32(1), 1e-6, 13.802319),
            (np.float32(1), 1e-9, 16.635532),  # the largest number below 1
            (np.float32(0), 1e-60, -103.27893),  # the smallest number
            (np.float32(-0.1), 0, -inf),
            (np.float32(nan), 1e-6, nan),
            (np.float16(1), 1e-4, 9.210074),  # computed in float32
            (ml_dtypes.bfloat16(1), 1e-3, 6.906768),
            (1.0, 1e-20, 36.7368005696771),
            (0.3, 0.5, 0.0),
        ],
    )
    def test_eps(self, x, eps, expected):
        assert float(reference.exact("logit", x, eps)) == pytest.approx(
            expected, rel=1e-6, nan_ok=True
        )

    def test_eps_in_the_derivative(self):
        eps = np.float32(0.1)
        slope = [
            reference.exact("logit_derivative", np.float32(x), eps) for x in (0.05, 0.1, 0.95)
        ]
        assert [slope[0], slope[2]] == [0, 0]
        assert float(slope[1]) == pytest.approx(1 / 0.09)
        assert np.isnan(reference.exact("logit_derivative", np.float32(nan), eps))
        with pytest.raises(ValueError, match="only logit has `eps`, not expit"):
            reference.exact("expit", 0.0, 0.1)


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

    @pytest.mark.parametrize("name", NAMES)
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


class TestInputs:
    def test_counts(self):
        assert len(inputs.keys(np.float32, 0, 1)) == 1_065_353_217
        assert len(inputs.keys(np.float32)) == 2**32
        assert len(inputs.keys(np.float32, -0.0, 0.0)) == 2

    @pytest.mark.parametrize("dtype", DTYPES[:2], ids=str)
    def test_every(self, dtype):
        x = inputs.every(dtype)
        assert np.unique(x.view(np.uint16)).size == x.size == 2**16
        with np.errstate(invalid="ignore"):  # signalling NaN
            wide = x.astype(np.float64)
        numbers = wide[~np.isnan(wide)]
        assert (np.diff(numbers[np.isfinite(numbers)]) >= 0).all()
        assert np.isnan(wide[[0, -1]]).all()

    @each_dtype
    def test_floats_are_consecutive_and_complete(self, dtype):
        last = np.nextafter(np.float32(0), np.float32(1)) * 9 if dtype == np.float32 else None
        first, last = (
            (0.0, float(last)) if last else (1.0, 1 + 9 * 2.0 ** -format_of(dtype).digits)
        )
        chunks = list(inputs.floats(dtype, first, last, chunk=4))
        assert [chunk.size for chunk in chunks] == [4, 4, 2]
        x = np.concatenate(chunks).astype(np.float64)
        assert x.tolist() == np.linspace(first, last, 10).tolist()

    @each_name
    def test_special(self, name):
        for x, expected in inputs.special(name):
            for dtype in DTYPES:
                got = reference.rounded(name, np.asarray([x], dtype))
                assert same(got, np.asarray([expected], dtype)), (x, dtype)

    @pytest.mark.parametrize(
        ("name", "x", "expected"),
        [
            (
                "logit",
                [0.0, -0.0, 1, 0.5, -1, 2, inf, -inf, nan],
                [-inf, -inf, inf, 0.0] + [nan] * 5,
            ),
            ("expit", [-inf, inf, 0.0, -0.0, nan], [0.0, 1, 0.5, 0.5, nan]),
            ("log_expit", [-inf, inf, nan], [-inf, -0.0, nan]),
            ("logit_exp", [0.0, -0.0, -inf, 2, inf, nan], [inf, inf, -inf, nan, nan, nan]),
            ("logit_derivative", [0.0, -0.0, 1, 0.5, -1, 2, nan], [inf, inf, inf, 4] + [nan] * 3),
            ("expit_derivative", [-inf, 0.0, inf, nan], [0.0, 0.25, 0.0, nan]),
            ("log_expit_derivative", [-inf, 0.0, inf, nan], [1, 0.5, 0.0, nan]),
            ("logit_exp_derivative", [-inf, 0.0, 2, nan], [1, inf, nan, nan]),
            ("logit_log_jacobian", [0.0, -0.0, 1, -1, 2, nan], [inf, inf, inf] + [nan] * 3),
            ("expit_log_jacobian", [-inf, inf, nan], [-inf, -inf, nan]),
            ("logit_log_jacobian_derivative", [0.0, -0.0, 0.5, 1, 2], [-inf, -inf, 0, inf, nan]),
            ("expit_log_jacobian_derivative", [-inf, 0.0, inf, nan], [1, 0.0, -1, nan]),
        ],
    )
    def test_special_as_the_contract_has_it(self, name, x, expected):
        listed = {(repr(a), repr(b)) for a, b in inputs.special(name)}
        wanted = {(repr(float(a)), repr(float(b))) for a, b in zip(x, expected, strict=True)}
        assert wanted <= listed

    @each_name
    @each_dtype
    def test_structured(self, name, dtype):
        form = format_of(dtype)
        x = inputs.structured(name, dtype, 20_000, seed=5)
        wide = x.astype(np.float64)
        first, last = function_of(name).domain
        assert (np.diff(inputs._keys_of(x)) > 0).all()
        assert (wide >= first).all()
        assert (wide <= last).all()
        assert x.size == 20_000 or dtype.itemsize == 2
        assert same(x, inputs.structured(name, dtype, 20_000, seed=5))
        other = inputs.structured(name, dtype, 20_000, 6)
        assert x.tolist() != other.tolist()
        binades = np.frexp(np.abs(wide[wide != 0]))[1]
        highest = 0 if last == 1 else form.highest
        wanted = set(range(form.lowest - form.digits, highest + 1))
        assert wanted <= set((binades - 1).tolist())
        assert set(inputs.hard(name, dtype).tolist()) <= set(x.tolist())

    @each_dtype
    def test_structured_has_the_neighbours(self, dtype):
        x = set(inputs.structured("logit", dtype, 0).astype(float).tolist())
        unit = 2.0 ** -format_of(dtype).digits
        for k in range(1, 33):
            steps = {0.5 + k * unit / 2, 0.5 - k * unit / 4, 1 - k * unit / 2, 0.25 + k * unit / 4}
            assert steps <= x
        assert {0.75 + unit, 0.75 - unit, 0.0, 1.0} <= x
        crossing = inputs.keys(dtype, -np.log(2), -np.log(2))[0]
        found = inputs._keys_of(inputs.structured("logit_exp", dtype, 0))
        assert set(range(crossing - 32, crossing + 33)) <= set(found.tolist())

    @each_name
    @each_dtype
    def test_outside(self, name, dtype):
        x = inputs.outside(name, dtype)
        assert np.isnan(reference.rounded(name, x).astype(float)).all()
        domain = function_of(name).domain
        assert x.size == 17 * np.isfinite(domain).sum()
        if x.size:  # the next number after the domain
            beyond = function_of(name).domain[1]
            assert inputs.keys(dtype, beyond, beyond)[0] + 1 in inputs._keys_of(x)

    @each_name
    @pytest.mark.parametrize("dtype", DTYPES[2:], ids=str)
    def test_hard_cases_are_hard(self, name, dtype):
        found = inputs._hardcases()[name][dtype.name]
        assert set(found) == {"nearest to a midpoint"} | {
            f"worst of {formula}" for formula in curve_of(name).worst
        }
        xs = [dtype.type(float.fromhex(text)) for text in found["nearest to a midpoint"]]
        values = [reference.exact(name, x) for x in xs]
        distances = [hardcases.midpoint_distance(value, dtype) for value in values]
        assert max(distances) < 2.0**-10
        assert min(distances) < 2.0**-18

    def test_the_search_finds_a_planted_case(self):
        x = inputs.structured("expit", np.float64, 0)
        planted = 3 * 2.0**-52
        x = np.append(x[(x < -1) | (x > 1)], planted)
        found = hardcases.search("expit", [x], 2.0**-10)
        assert planted in found["nearest to a midpoint"]
        worst = hardcases.search("logit", [np.asarray([0.3, 0.5 - 2.0**-54, 0.7])], 2.0**-10)
        assert 0.5 - 2.0**-54 in worst["worst of log(x/(1-x))"]


class TestVectors:
    def test_checksums(self):
        listed = dict(line.split()[::-1] for line in make.CHECKSUMS.read_text().splitlines())
        paths = {p.relative_to(make.HERE).as_posix(): p for p in make.HERE.rglob("*.npz")}
        assert listed == {name: make.digest(path) for name, path in paths.items()}
        assert len(paths) == len(NAMES) * len(DTYPES)
        assert sum(path.stat().st_size for path in paths.values()) < 3_000_000

    @each_name
    @each_dtype
    def test_a_sample_recomputed(self, name, dtype):
        x, y = make.load(name, dtype)
        assert x.dtype == y.dtype == dtype
        assert x.shape == y.shape
        if dtype.itemsize == 2:
            first, last = function_of(name).domain
            domain = inputs.at(dtype, inputs.keys(dtype, first, last))
            assert set(domain.view(np.uint16)) <= set(x.view(np.uint16))
        else:
            assert x.size >= make.POINTS
        i = np.random.default_rng().choice(x.size, 40, replace=False)
        assert same(reference.rounded(name, x[i]), y[i]), x[i]

    @each_name
    @each_dtype
    def test_all_are_within_half_a_unit_of_the_wide_reference(self, name, dtype):
        x, y = make.load(name, dtype)
        assert ulp_error(y, reference.wide(name, x)).max() <= 0.502

    def test_xsref_layout(self, tmp_path):
        parquet = pytest.importorskip("pyarrow.parquet")
        make.write_xsref("logit", "f", tmp_path)
        given = parquet.read_table(tmp_path / "logit" / "In_f-f.parquet")
        results = parquet.read_table(tmp_path / "logit" / "Out_f-f.parquet")
        x, y = make.load("logit", np.float32)
        assert given.column_names == ["in0"]
        assert results.column_names == ["out0", "fallback"]
        assert same(given["in0"].to_numpy(), x)
        assert same(results["out0"].to_numpy(), y)
        assert given.schema.metadata == {b"in": b"f", b"out": b"f", b"function": b"logit"}
        digest = make.digest(tmp_path / "logit" / "In_f-f.parquet")
        assert results.schema.metadata[b"input_checksum"] == digest.encode()
        assert results.schema.metadata[b"mpmath_version"] == mpmath.__version__.encode()


HALF = sweep.Sweep("arraylogit", "logit", "numpy", "float16", 0.0, 1.0, chunk=4096)


class TestSweep:
    def test_resumed_and_exhaustive(self, tmp_path):
        whole = sweep.run(HALF, tmp_path / "a", workers=1)
        overall = whole.summary.overall
        assert overall.count == len(inputs.keys(np.float16, 0.0, 1.0))
        assert whole.summary.coverage == measure.EXHAUSTIVE
        assert 0.49 < overall.max <= 0.51
        assert (whole.drops, whole.not_odd) == (0, 0)
        assert whole.compared == 1025  # all halves of [0.5, 1]

        chunks = sorted((tmp_path / "a").glob("0*.json"))
        assert len(chunks) == 4
        kept = json.loads(chunks[0].read_text())
        kept["drops"] = 7  # shows that it is not measured again
        chunks[0].write_text(json.dumps(kept))
        chunks[2].unlink()
        again = sweep.run(HALF, tmp_path / "a", workers=1)
        assert again.drops == 7
        assert again.summary == whole.summary

    def test_the_state_of_another_sweep_is_refused(self, tmp_path):
        (tmp_path / "sweep.json").write_text("{}")
        with pytest.raises(ValueError, match="holds the results of another sweep"):
            sweep.run(HALF, tmp_path)

    def test_command_line_finds_a_wrong_function(self, tmp_path):
        out = tmp_path / "out.json"
        arguments = ["--target", "numpy:sqrt=logit", "--dtype", "bfloat16"]
        arguments += ["--backend", "numpy", "--workers", "1"]
        sweep.main([*arguments, "--state", str(tmp_path / "state"), "--out", str(out)])
        found = json.loads(out.read_text())
        assert found["sweep"]["first"] == 0
        assert found["environment"]["versions"]["numpy"] == np.__version__
        assert found["not_odd"] > 0
        summary = measure.Summary.from_dict(found["summary"])
        assert summary.overall.max == inf
        assert summary.overall.count == len(inputs.keys(ml_dtypes.bfloat16, 0.0, 1.0))

    def test_an_error_of_the_target_arrives(self, tmp_path):
        missing = sweep.Sweep(
            "numpy:no_such_function=logit", "logit", "numpy", "float16", 0.0, 1.0
        )
        with pytest.raises(AttributeError, match="no_such_function"):
            sweep.run(missing, tmp_path)

    def test_drops_between_pieces_are_seen(self, monkeypatch):
        monkeypatch.setattr(inputs, "CHUNK", 8)
        of = sweep.Sweep("", "expit", "numpy", "float16", 0.0, 1.0, chunk=16)

        def falls_once_between_pieces(x):
            key = inputs._keys_of(x)
            return np.where(key < 16, key, key - 3).astype(np.float16)

        result = sweep.evaluate(of, falls_once_between_pieces, of.keys[:16])
        assert (result.drops, result.deepest) == (1, 2 * 2**10 / 8)
        assert result.summary.overall.count == 16
        assert sweep.evaluate(of, falls_once_between_pieces, of.keys[16:32]).drops == 0

    def test_all_bit_patterns(self):
        def expit(x):
            with np.errstate(all="ignore"):
                return (1 / (1 + np.exp(-x.astype(np.float64)))).astype(np.float16)

        of = sweep.Sweep("", "expit", "numpy", "float16")
        result = sweep.evaluate(of, expit, of.keys)
        assert result.summary.overall.count == 2**16
        assert result.summary.regions["outside"].count == 2 * (2**10 - 1)
        assert result.summary.overall.max <= 0.5 + 1e-9
        assert result.drops == 0

    @pytest.mark.parametrize(
        ("change", "message"),
        [({"function": "tanh"}, "function must be one of"), ({"dtype": "float64"}, "too many")],
    )
    def test_refused(self, change, message):
        with pytest.raises(ValueError, match=message):
            sweep.Sweep(**{"target": "a:b", "function": "logit"} | change)

    def test_a_result_of_another_shape_is_refused(self):
        with pytest.raises(ValueError, match="returned shape"):
            sweep.evaluate(HALF, lambda x: x[:1], HALF.keys[:9])
