"""Where the suite measures: all numbers, structured ones, special ones, hard cases."""

from math import inf, nan

import numpy as np
import pytest

from arraylogit.testing import hardcases, inputs, reference
from arraylogit.testing.functions import curve_of, function_of
from arraylogit.testing.measure import format_of
from tests.curves import DTYPES, each_dtype, each_name, same


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
