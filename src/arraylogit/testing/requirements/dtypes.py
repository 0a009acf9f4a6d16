"""The dtypes of results, and the dtypes that are refused."""

import mpmath
import numpy as np

from arraylogit.testing import inputs, reference
from arraylogit.testing.backends import dtype_of
from arraylogit.testing.functions import FUNCTIONS
from arraylogit.testing.registry import accepted, identical, refused, requirement, says_something

INTEGERS = ("bool", "int16", "int8", "uint16", "uint8", "uint32", "int32", "uint64", "int64")
"""Every other one where each is traced anew."""


@requirement(
    "dtypes/kept",
    "A real floating-point dtype is kept, narrow ones as well, in empty and 0-d arrays too. The "
    "values of a lazy array have the dtype that it says.",
)
def kept(subject):
    for dtype in map(dtype_of, subject.backend.dtypes):
        if not (subject.target.whole or subject.takes(dtype.name)):
            continue  # which is unsupported, and told elsewhere
        some = not subject.compiles or (dtype == "f2" and "cheap" in subject.features)
        shapes = ((3,), (), (0,), (2, 2)) if some else ((3,),)
        for shape in shapes:
            x = np.resize(np.asarray([-0.5, 0.25, 0.5], dtype), shape)
            y = subject.native(subject.lengthened(x))
            got = subject.backend.dtype_name(y)
            assert got == dtype.name, f"{got} for {dtype.name} of shape {shape}"
            if "lazy" in subject.features:
                got = subject.backend.to_numpy(y).dtype
                assert got == dtype, f"{got} for {dtype} of shape {shape}, computed"


@requirement(
    "dtypes/integers",
    "Booleans and integers, of all sizes, values and layouts of memory, give the default real "
    "floating-point dtype of the library there, and the results of that dtype, with eps too.",
    needs="cheap",
)
def integers(subject):
    for name in INTEGERS[:: 2 if subject.compiles else 1]:
        if name.endswith("64") and "float64" not in subject.features:
            continue
        low, high = (0, 1) if name == "bool" else (np.iinfo(name).min, np.iinfo(name).max)
        signed = max(low, -2), max(low, -100)
        x = np.asarray([low, 0, 1, min(high, 2), min(high, 100), high, *signed], name)
        for chosen in subject.options(0.3) if name == "int32" else [{}]:
            y = subject.native(x, **chosen)
            got = subject.backend.dtype_name(y)
            assert got == subject.backend.default, f"{got} for {name}"
            expected = subject(x.astype(got), **chosen)
            identical(subject.backend.to_numpy(y), expected, f"{name} {chosen or ''}")
        if name == "int32" and "views" in subject.features:
            for layout, view, held in subject.backend.layouts(np.resize(x, (3, 4, 5))):
                y = subject.backend.to_numpy(subject.transformed()(view))
                identical(y, subject(held.astype(got)), f"{name} {layout}")


@requirement(
    "dtypes/longdouble",
    "NumPy's longdouble is kept, and computed in that precision.",
    needs="errstate",
)
def longdouble(subject):
    x = inputs.inside(subject.function, np.longdouble) + np.longdouble(2) ** -60
    y = subject(x)
    assert y.dtype == x.dtype, f"{y.dtype} for longdouble"
    exact = reference.rounded(subject.function, x)
    says_something(exact)
    np.testing.assert_allclose(y, exact, rtol=8 * np.finfo(np.longdouble).eps)


@requirement(
    "dtypes/complex",
    "Complex input is continued analytically (principal branch), or refused with a TypeError.",
    lambda f: f.complex is not None,
    "cheap",
)
def complex_numbers(subject):
    accepted(subject)
    points = [0.25, 0.75, 0.3 + 0.4j, 0.5 - 2j, -1.5 + 1j, 1.0 + 1e-3j, 2 - 0.5j, 1e10 - 1e9j]
    points += [-1e4 + 1j, 1e4 + 1j] if subject.function == "expit" else [-1e10 - 1e-3j]
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
def complex_ends(subject):
    accepted(subject)
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
def complex_eps(subject):
    accepted(subject, eps=0.125)
    refused(subject, np.complex64([0.25]), eps=0.125)
