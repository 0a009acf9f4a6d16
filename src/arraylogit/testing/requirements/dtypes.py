"""Which dtype comes out, and what is refused."""

import mpmath
import numpy as np

from arraylogit.testing import reference
from arraylogit.testing.backends import dtype_of
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.registry import identical, refused, requirement

INTEGERS = ("bool", "int8", "uint8", "int32", "int64")


@requirement("dtypes/kept", "A real floating-point dtype is kept, narrow ones as well.")
def test_kept(subject):
    for dtype in map(dtype_of, subject.backend.dtypes):
        y = subject.native(np.asarray([-0.5, 0.25, 0.5], dtype))
        got = subject.backend.dtype_name(y)
        assert got == dtype.name, f"{got} for {dtype.name}"


@requirement(
    "dtypes/integers",
    "Booleans and integers give the default real floating-point dtype of the library there.",
    needs="cheap",
)
def test_integers(subject):
    for name in INTEGERS:
        if name == "int64" and "float64" not in subject.features:
            continue
        x = np.asarray([0, 1], name)
        y = subject.native(x)
        got = subject.backend.dtype_name(y)
        assert got == subject.backend.default, f"{got} for {name}"
        expected = subject(x.astype(got))
        identical(subject.backend.to_numpy(y), expected, name)


@requirement(
    "dtypes/longdouble",
    "NumPy's longdouble is kept, and computed in that precision.",
    needs="errstate",
)
def test_longdouble(subject):
    x = np.longdouble([-0.75, -0.25, 0.25, 0.75])
    x = x[(x > 0) if subject.function == "logit" else (x < 0)]
    y = subject(x)
    assert y.dtype == x.dtype, f"{y.dtype} for longdouble"
    exact = reference.rounded(subject.function, x)
    np.testing.assert_allclose(y, exact, rtol=8 * np.finfo(np.longdouble).eps)


@requirement(
    "dtypes/complex",
    "Complex input is continued analytically (principal branch), or refused with a TypeError.",
    lambda f: f.complex is not None,
    "cheap",
)
def test_complex(subject):
    points = [0.25, 0.75, 0.3 + 0.4j, 0.5 - 2j, -1.5 + 1j, 1.0 + 1e-3j, 2 - 0.5j]
    for dtype in ("complex64", "complex128"):
        if dtype == "complex128" and "float64" not in subject.features:
            continue
        x = np.asarray(points, dtype)
        try:
            y = subject(x)
        except TypeError:
            continue
        assert y.dtype == dtype, f"{y.dtype} for {dtype}"
        of = FUNCTIONS[subject.function]
        exact = [complex(of.complex(mpmath.mpc(complex(z)), mpmath.mp)) for z in x]
        rtol = 32 * np.finfo(dtype).eps
        np.testing.assert_allclose(y, exact, rtol=rtol, err_msg=dtype)


@requirement(
    "dtypes/complex-ends",
    "In complex, 0 and 1 give the infinities that they give in real numbers, or are refused with "
    "a TypeError.",
    "logit",
    "cheap",
)
def test_complex_ends(subject):
    try:
        y = subject(np.complex64([0, 1]))
    except TypeError:
        return
    identical(y.real, np.float32([-np.inf, np.inf]))


@requirement(
    "dtypes/complex-eps",
    "Complex input is refused with a TypeError where eps is given.",
    "logit",
    "eps cheap",
)
def test_complex_eps(subject):
    refused(subject, np.complex64([0.25]), eps=0.125)
