"""Exact values: the reference of the suite, and the vectors made by it."""

from math import inf, nan
from types import SimpleNamespace

import ml_dtypes
import mpmath
import numpy as np
import pytest
from conformance.vectors import make
from mpmath import mp, mpf

from arraylogit.testing import inputs, measure, reference
from arraylogit.testing.functions import curve_of, function_of
from arraylogit.testing.measure import format_of, ulp_error
from tests.curves import DTYPES, NAMES, each_dtype, each_name, same, sample

# In so many bits that no cancellation is felt in the definitions.
BITS = 4000


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
