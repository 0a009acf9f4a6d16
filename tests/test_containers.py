"""Containers come back as they came, by NumPy's protocol; arrays that compute are not read."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from arraylogit import expit, logit
from arraylogit._containers import Ufunc
from tests.functions import INSIDE, each_function

X = [0.125, 0.25, 0.5, 0.875]


class Labelled:
    """Labels and a plain array: the smallest container with ufuncs of its own."""

    def __init__(self, values, labels):
        self.values, self.labels = values, labels

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)

    def __add__(self, other):
        return Labelled(self.values + other, self.labels)

    def __array_ufunc__(self, ufunc, method, x, out=()):
        assert (method, x, ufunc.nin, ufunc.nout, ufunc.signature) == (
            "__call__",
            self,
            1,
            1,
            None,
        )
        return Labelled(ufunc(self.values, *([out] if out else [])), self.labels)


class Percent:
    """A unit that takes no function but NumPy's own."""

    def __init__(self, values, per_cent=True):
        self.values, self.per_cent = np.asarray(values), per_cent

    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: self.values.shape)
    size = property(lambda self: self.values.size)

    def astype(self, dtype, copy=True):
        return Percent(self.values.astype(dtype), self.per_cent)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        if not isinstance(ufunc, np.ufunc):
            return NotImplemented
        inputs = [
            x.values / (100 if x.per_cent else 1) if isinstance(x, Percent) else x for x in inputs
        ]
        y = getattr(ufunc, method)(*inputs, **options)
        return Percent(y, per_cent=False)

    def __array_function__(self, function, types, inputs, options):
        return Percent(function(self.values / 100, *inputs[1:], **options), per_cent=False)

    def __add__(self, other):
        return np.add(self, other)

    def __rmul__(self, other):
        return np.multiply(self, other)

    def __sub__(self, other):
        return np.subtract(self, other)

    def __rsub__(self, other):
        return np.subtract(other, self)

    __mul__ = __rmul__


class Tensor:
    """An array that tracks a gradient, which NumPy could read and would drop."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)

    def __add__(self, other):
        return Tensor(self.values + other)


class Column:
    """The expression of a query: it has no values."""

    def __add__(self, other):
        return self


@each_function
def test_a_container_keeps_what_it_carries(function):
    values = np.asarray(INSIDE[function.__name__], "float32")
    y = function(Labelled(values, "abcd"))
    assert (type(y), y.labels, y.values.dtype) == (Labelled, "abcd", "float32")
    np.testing.assert_array_equal(y.values, function(values))


def test_a_container_in_a_container():
    inner = Labelled(np.asarray(X), "inner")
    y = logit(Labelled(inner, "outer"), 0.25)
    assert (y.labels, y.values.labels) == ("outer", "inner")
    np.testing.assert_array_equal(y.values.values, logit(X, 0.25))


def test_a_container_of_arrays_of_any_library(library):
    x = library.array(X, "float32")
    y = logit(Labelled(x, "abcd"), 0.25)
    assert type(y.values) is type(x)
    np.testing.assert_array_equal(library.to_numpy(y.values), library.to_numpy(logit(x, 0.25)))


def test_what_a_container_reads_of_a_ufunc():
    ufunc = Ufunc("logit", lambda x, out: logit(x, out=out))
    x, out = np.asarray(X), np.empty(4)
    for given in (out, (out,)):
        out[:] = 0
        assert ufunc(x, out=given, dtype="d") is out
        np.testing.assert_array_equal(out, logit(x))
    assert (ufunc.__name__, ufunc.nin, ufunc.nout, ufunc.signature) == ("logit", 1, 1, None)
    with pytest.raises(TypeError, match="^logit: `input` has a dtype that NumPy cannot read"):
        ufunc(None)


def test_errors_inside_a_container_are_ours():
    with pytest.raises(ValueError, match=r"^logit: `eps` must be in \[0, 0.5\], got 2$"):
        logit(Labelled(np.asarray(X), "abcd"), 2)
    with pytest.raises(TypeError, match=r"^logit: `input` must have .*: `.astype\(float\)` of an"):
        logit(Labelled(np.asarray(X, object), "abcd"))


def test_out_of_a_container():
    x, out = Labelled(np.asarray(X), "abcd"), np.zeros(4)
    assert logit(x, out=out) is out
    np.testing.assert_array_equal(out, logit(X))
    for wrong, error, rule in [
        (np.zeros(3), ValueError, "must have the shape"),
        (np.zeros((2, 4)), ValueError, "must have the shape"),
        (np.zeros(4, int), TypeError, "must have a dtype"),
        (Labelled(np.zeros(4), "dcba"), TypeError, "must be an array of NumPy .*: assign the"),
    ]:
        with pytest.raises(error, match=f"^logit: `out` {rule}"):
            logit(x, out=wrong)
        assert not np.any(getattr(wrong, "values", wrong))


@pytest.mark.parametrize("eps", [None, 0.25])
def test_units_go_step_by_step(eps):
    x, out = Percent([12.5, 25, 50, 87.5]), np.zeros(4)
    y = logit(x, eps)
    assert (type(y), y.per_cent) == (Percent, False)
    np.testing.assert_allclose(y.values, logit(X, eps), rtol=1e-15)
    with pytest.raises(TypeError, match="`out` must be None where `input` is .*: assign the res"):
        logit(x, eps, out=out)
    assert not out.any()


def test_a_container_of_no_array_that_takes_no_function():
    class Number:
        def __array_ufunc__(self, *_, **__):
            return NotImplemented

    with pytest.raises(TypeError, match="Number, which takes no function but NumPy's own"):
        logit(Number())


# Subclasses of NumPy's array, with `out` as without


class Checked(np.ndarray):
    """Has ufuncs of its own: the numbers are per cent, and `out` gets the unit."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        inputs = [np.asarray(x) / 100 if isinstance(x, Checked) else x for x in inputs]
        plain = tuple(np.asarray(array) for array in out)
        y = getattr(ufunc, method)(*inputs, **options, **({"out": plain} if out else {}))
        used.append(ufunc.__name__)
        return out[0] if out else y


used = []


def test_out_does_not_bypass_ufuncs_of_a_subclass():
    x = np.asarray([12.5, 25, 50, 87.5]).view(Checked)
    out = np.empty(4)
    assert logit(x, out=out) is out
    np.testing.assert_allclose(out, logit(x), rtol=1e-15)
    assert np.isfinite(out).all()
    target = np.empty(4).view(Checked)
    used.clear()
    assert logit(np.asarray(X), out=target) is target
    np.testing.assert_array_equal(np.asarray(target), logit(X))
    assert used[-1] == "positive"


@pytest.mark.parametrize("size", [4, 100_000])
def test_out_has_the_mask_of_the_input(size):
    values = np.resize(X, size)
    x = np.ma.masked_array(values.copy(), mask=values == 0.25)
    out = np.ma.masked_array(np.zeros(size), mask=values == 0.5)
    for target in (out, x):
        assert logit(x, out=target) is target
        np.testing.assert_array_equal(target.mask, values == 0.25)
        np.testing.assert_array_equal(target.compressed(), logit(values[values != 0.25]))
    assert logit(values, out=out) is out
    assert not np.any(out.mask)


# Types that NumPy reads, and types that it must not read


def test_stored_arrays_are_read():
    class Stored:
        __array__ = Tensor.__array__
        values = X

    class Arrow(Tensor):
        def __arrow_c_array__(self, requested_schema=None): ...

    np.testing.assert_array_equal(logit(Stored()), logit(X))
    np.testing.assert_array_equal(logit(Arrow(X)), logit(X))


def test_what_computes_by_itself_is_not_read():
    with pytest.raises(TypeError, match=r"got .*Tensor, whose library .*`numpy.asarray\(input\)`"):
        logit(Tensor(X))
    np.testing.assert_array_equal(logit(np.asarray(Tensor(X))), logit(X))


FOREIGN = {
    "tensor": lambda: Tensor(0.5),
    "container": lambda: Labelled(np.asarray(X), "abcd"),
    "masked": lambda: np.ma.masked_array(X, mask=True),
    "subclass": lambda: np.asarray(X).view(Checked),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_sequences_do_not_hide_them(name):
    element = FOREIGN[name]()
    for sequence in ([element], (0.5, element), [[0.5], [element]], [[], [[element]]]):
        with pytest.raises(TypeError, match="got a sequence of .*: make one array of them"):
            logit(sequence)


def test_sequences_of_arrays(library):
    element = library.array(0.5, "float32")
    if library.library == "numpy":
        assert logit([element, [0.5]][:1]) == 0
    else:
        with pytest.raises(TypeError, match="got a sequence of .*: make one array of them"):
            logit([element, element])


def test_plans_and_columns_are_refused():
    for function in (logit, expit):
        with pytest.raises(TypeError, match="a method of its own .`map_batches`, say.$"):
            function(Column())


@pytest.mark.parametrize(
    "value",
    [
        np.asarray([0.5, None]),
        [Decimal("0.5")],
        ["0.5"],
        "0.5",
        np.asarray(["0.5"], np.dtypes.StringDType()),
        np.asarray([b"0.5"]),
    ],
    ids=["object", "Decimal", "text", "one text", "StringDType", "bytes"],
)
def test_objects_and_text_hear_what_to_do(value):
    with pytest.raises(TypeError, match=r"^logit: `input` must have .*: `.astype\(float\)` of an"):
        logit(value)
    assert logit(np.asarray(value).astype(float)).ravel()[0] == 0


@pytest.mark.parametrize("value", [Decimal("0.5"), Fraction(1, 2)])
def test_other_numbers_hear_what_to_do(value):
    with pytest.raises(TypeError, match=r"; `float\(input\)` makes a number of it$"):
        logit(value)
    assert logit(float(value)) == 0


# eps


def test_out_in_the_place_of_eps():
    for array in (np.zeros(4), Labelled(np.zeros(4), "abcd")):
        array.shape = getattr(array, "shape", (4,))
        with pytest.raises(TypeError, match="`eps` must be .*; `out` is passed by name: `out=`$"):
            logit(np.asarray(X), array)


@pytest.mark.parametrize(
    "eps", [np.ma.masked, np.ma.masked_array(0.1), np.asarray(0.1).view(Checked), np.True_]
)
def test_eps_carries_nothing_but_a_number(eps):
    with pytest.raises(
        TypeError, match="^logit: `eps` must be None, a real number, or a real 0-d"
    ):
        logit(X, eps)


@pytest.mark.parametrize("eps", [10**5000, -(10**5000)], ids=["large", "negative"])
def test_eps_of_too_many_digits(eps):
    with pytest.raises(ValueError, match=r"^logit: `eps` must be in \[0, 0.5\], got a number of"):
        logit(X, eps)


def test_eps_of_a_tiny_fraction():
    assert np.isfinite(logit([0.0, 1.0], Fraction(1, 10**5000))).all()


# States of sys.modules that other threads and the environment of the user may cause


@pytest.mark.parametrize("module", ["torch", "jax", "cupy", "dask.array", "cubed"])
@pytest.mark.parametrize("found", [None, type(sys)("half_imported")], ids=["forbidden", "half"])
def test_a_library_that_is_forbidden_or_half_imported(monkeypatch, module, found):
    monkeypatch.setitem(sys.modules, module, found)
    strict = pytest.importorskip("array_api_strict")
    assert logit(0.5) == logit([0.5]) == 0
    assert logit(np.asarray([0.5]), np.asarray(0.1), out=np.empty(1)) == 0
    assert logit(np.asarray([True]), out=np.empty(1)) == np.inf
    assert logit(strict.asarray(0.5)) == 0


def test_one_array_does_not_decide_for_all_of_its_type():
    pytest.importorskip("jax")
    code = """
import jax, numpy as np
from arraylogit import logit
try:
    logit(np.zeros(3, jax.dtypes.float0))
except TypeError as error:
    print(error)
print(type(logit(np.asarray([0.25]))))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "<class 'numpy.ndarray'>"
    assert run.stdout.startswith("logit: `input` must have")


def test_namespaces_that_each_array_answers_for_itself():
    class Wrapped:
        def __init__(self, xp):
            self.xp = xp

        def __array_namespace__(self, api_version=None):
            return self.xp

    from arraylogit._strategies import strategy_of

    strict, compat = (
        pytest.importorskip("array_api_strict"),
        pytest.importorskip("array_api_compat.numpy"),
    )
    assert [strategy_of(Wrapped(xp)).xp for xp in (strict, compat)] == [strict, compat]


# Containers in wide use


def test_pandas(needs):
    pd = needs("pandas")
    series = pd.Series(X, index=list("dbca"), name="q")
    frame = pd.DataFrame({"p": [0.0, 1, 2, 3]}, index=list("abcd"))
    frame["z"] = logit(series)
    assert frame.z.to_dict() == dict(zip("dbca", logit(X).tolist(), strict=True))
    for eps in (None, 0.25):
        expected = logit(X, eps)
        y = logit(series, eps)
        assert (type(y), y.name, list(y.index)) == (pd.Series, "q", list("dbca"))
        np.testing.assert_array_equal(y, expected)
        y = logit(pd.DataFrame({"a": series, "b": series.astype("float32")}), eps)
        assert (list(y.columns), list(y.index)) == (["a", "b"], list("dbca"))
        assert [str(dtype) for dtype in y.dtypes] == ["float64", "float32"]
        np.testing.assert_array_equal(y.a, expected)
        assert isinstance(logit(pd.Index(X), eps), pd.Index)
        for dtype in ("Float64", "Float32", "Int64"):
            missing = pd.array([1, None, 0], dtype)
            for y in (logit(missing, eps), logit(pd.Series(missing), eps)):
                assert str(y.dtype) == ("Float64" if dtype == "Int64" else dtype)
                assert list(pd.isna(y)) == [False, True, False]
                assert y[0] == logit(np.asarray(1.0, y.dtype.numpy_dtype), eps)
    assert logit(pd.NA) is pd.NA
    out = np.empty(4, "float32")
    assert logit(series, out=out) is out
    np.testing.assert_array_equal(out, logit(X).astype("float32"))
    with pytest.raises(TypeError, match="`out` must be an array of NumPy"):
        logit(series, out=series)
    with pytest.raises(TypeError, match=r"`.astype\(float\)`"):
        logit(series.astype(object))
    np.testing.assert_array_equal(logit(series.astype(object).astype(float)), logit(X))


def test_xarray(needs):
    xr = needs("xarray")
    da = needs("dask.array")
    array = xr.DataArray(X, dims="t", coords={"t": np.arange(4)}, name="p", attrs={"a": 1})
    for eps in (None, 0.25):
        y = logit(array, eps)
        assert (type(y), y.name, y.attrs) == (xr.DataArray, "p", {"a": 1})
        np.testing.assert_array_equal(y.t, array.t)
        np.testing.assert_array_equal(y, logit(X, eps))
        lazy = logit(array.chunk(t=2), eps)
        assert isinstance(lazy.data, da.Array)
        assert lazy.chunks == ((2, 2),)
        np.testing.assert_array_equal(lazy.compute(), logit(X, eps))
        assert isinstance(logit(array.to_dataset(), eps), xr.Dataset)
        np.testing.assert_array_equal(logit(array.to_dataset(), eps).p, logit(X, eps))


def test_polars(needs):
    pl = needs("polars")
    with_null = [0.125, None, 0.5]
    for eps in (None, 0.25):
        first, _, last = logit([0.125, 0, 0.5], eps).tolist()
        y = logit(pl.Series("p", with_null), eps)
        assert (type(y), y.name, y.to_list()) == (pl.Series, "p", [first, None, last])
        assert logit(pl.Series("p", with_null, pl.Float32), eps).dtype == pl.Float32
        assert logit(pl.Series("p", [0, 1]), eps).to_list() == logit([0, 1], eps).tolist()
        expression = logit(pl.col("p"), eps)
        assert isinstance(expression, pl.Expr)
        plan = pl.LazyFrame({"p": with_null}).select(expression)
        assert plan.collect()["p"].to_list() == [first, None, last]
    plan = pl.LazyFrame({"p": with_null})
    for refused, rule in [
        (plan, "a method of its own"),
        (plan.collect(), "whose library computes by itself"),
        (pl.Series([True]), "has a dtype that NumPy cannot read"),
    ]:
        with pytest.raises(TypeError, match=rule):
            logit(refused)


def test_dask_tables_stay_lazy(needs):
    pd = needs("pandas")
    dd = needs("dask.dataframe")
    series = pd.Series(X, name="q")
    y = logit(dd.from_pandas(series, npartitions=2), 0.25)
    assert isinstance(y, dd.Series)
    pd.testing.assert_series_equal(y.compute(), logit(series, 0.25))


@pytest.mark.parametrize("size", [4, 50_000])
def test_astropy(needs, size):
    units = needs("astropy.units")
    values = np.resize(X, size)
    x = 100 * values * units.percent
    expected = logit(values)
    y = logit(x)
    assert y.unit == units.dimensionless_unscaled
    out = np.zeros(size)
    assert logit(x, out=out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-14, atol=1e-14)
    lengths = np.ones(size) * units.m
    for input, target in [(x, x.copy()), (values, lengths)]:
        assert logit(input, out=target) is target
        assert target.unit == units.dimensionless_unscaled
        np.testing.assert_allclose(target.value, expected, rtol=1e-14, atol=1e-14)
    before = out.copy()
    for target in (None, out):
        with pytest.raises(units.UnitsError):
            logit(values * units.m, out=target)
    np.testing.assert_array_equal(out, before)


def test_pint(needs):
    registry = needs("pint").UnitRegistry()
    x, out = registry.Quantity(100 * np.asarray(X), "percent"), np.zeros(4)
    for eps in (None, 0.25):
        y = logit(x, eps)
        assert y.dimensionless
        np.testing.assert_allclose(y.magnitude, logit(X, eps), rtol=1e-14, atol=1e-14)
        with pytest.raises(TypeError, match="`out` must be None where `input` is a pint"):
            logit(x, eps, out=out)
    with pytest.raises(Exception, match="Cannot convert"):
        logit(registry.Quantity(np.asarray(X), "m"))


def test_storage_is_read(needs, tmp_path):
    expected = logit(X)
    np.testing.assert_array_equal(logit(needs("zarr").array(np.asarray(X))), expected)
    with needs("h5py").File(tmp_path / "p.h5", "w") as file:
        file["p"] = X
        np.testing.assert_array_equal(logit(file["p"]), expected)
    np.testing.assert_array_equal(logit(needs("pyarrow").array(X)), expected)


def test_lists_of_torch_tensors():
    torch = pytest.importorskip("torch")
    elements = [torch.tensor(0.25), torch.tensor(0.5, requires_grad=True)]
    with pytest.raises(TypeError, match="got a sequence of torch.Tensor: .*`stack`, say"):
        logit(elements)
    assert logit(torch.stack(elements)).requires_grad
