"""`out`: written in place or refused before anything is written."""

import numpy as np
import pytest

from arraylogit import logit

X = [0.1, 0.25, 0.5, 0.9]

# dtype of input, of out, whether the result can be cast to it.
TABLE = [
    ("bool", "float32", True),
    ("int32", "float64", True),
    ("float32", "int32", False),
    ("float32", "bool", False),
    ("int32", "int32", False),
]


@pytest.fixture
def writable(library):
    if not library.writable:
        pytest.skip("refused: see test_immutable_and_lazy_arrays_are_refused")
    return library


@pytest.mark.parametrize(("dtype", "out_dtype", "allowed"), TABLE)
def test_dtypes(writable, dtype, out_dtype, allowed):
    if {dtype, out_dtype} & {"float64"} - set(writable.dtypes):
        pytest.skip("the library has no such dtype")
    x = writable.array([0, 1, 1, 0] if dtype in ("bool", "int32") else X, dtype)
    out = writable.array([1, 0, 1, 0], out_dtype)
    if allowed:
        assert logit(x, out=out) is out
        result = writable.to_numpy(logit(x)).astype(out_dtype)
        np.testing.assert_array_equal(writable.to_numpy(out), result)
    else:
        with pytest.raises(TypeError, match="`out` must have a dtype that .*float.* can be cast"):
            logit(x, out=out)
        np.testing.assert_array_equal(writable.to_numpy(out), np.asarray([1, 0, 1, 0], out_dtype))


def test_complex_out_is_written(writable):
    if writable.name != "numpy":
        pytest.skip("casting to complex on assignment is NumPy's")
    out = np.empty(4, complex)
    np.testing.assert_array_equal(logit(np.asarray(X), out=out), logit(X))


@pytest.mark.parametrize("size", [100, 300_000])
@pytest.mark.parametrize("shift", [1, 3, 40_000])
def test_partial_overlap(writable, size, shift):
    if writable.library not in ("numpy", "torch"):
        pytest.skip("slices are copies, or evaluation precedes writing")
    values = np.random.default_rng(0).random(size + shift).astype("float32")
    for source, target in [
        (slice(0, size), slice(shift, None)),
        (slice(shift, None), slice(0, size)),
    ]:
        memory = writable.array(values)
        logit(memory[source], out=memory[target])
        np.testing.assert_array_equal(writable.to_numpy(memory)[target], logit(values[source]))
    memory = writable.array(values)
    flipped = memory[::-1] if writable.library == "numpy" else memory[::2]
    n = flipped.shape[0]
    logit(flipped, out=memory[:n])
    step = -1 if writable.library == "numpy" else 2
    np.testing.assert_array_equal(writable.to_numpy(memory)[:n], logit(values[::step]))


@pytest.mark.parametrize("shape", [(), (0,)])
def test_strided_out(writable, shape):
    if writable.library not in ("numpy", "torch"):
        pytest.skip("covered by test_dtypes: the library has no views")
    values = np.random.default_rng(0).random(shape).astype("float32")
    memory = writable.array(np.full((2, *shape, 2), 7), "float32")
    out = memory[0, ..., 0]
    assert logit(writable.array(values), out=out) is out
    np.testing.assert_array_equal(writable.to_numpy(out), logit(values))
    assert (writable.to_numpy(memory)[1] == 7).all()
    assert (writable.to_numpy(memory)[..., 1] == 7).all()


def test_other_libraries_are_refused(library):
    x = library.array(X, "float32")
    others = [[0.0] * 4, np.float32(0), "out"]
    if library.library != "numpy":
        others.append(np.zeros(4, np.float32))
    for out in others:
        with pytest.raises(TypeError, match="`out` must be an array of the library of `input`"):
            logit(x, out=out)


def test_immutable_and_lazy_arrays_are_refused(library):
    if library.writable:
        pytest.skip("its arrays can be written to")
    x = library.array(X, "float32")
    with pytest.raises(TypeError, match="`out` must be writable: .* arrays are (immutable|lazy)"):
        logit(x, out=x)


def test_other_device_is_refused(library):
    if library.library != "array_api_strict":
        pytest.skip("one device here")
    import array_api_strict

    other = "device1" if library.device() != "device1" else "CPU_DEVICE"
    out = array_api_strict.zeros(
        4, dtype=array_api_strict.float32, device=array_api_strict.Device(other)
    )
    with pytest.raises(ValueError, match="`out` must be on the device of `input`"):
        logit(library.array(X, "float32"), out=out)


def test_numpy_refusals():
    x = np.asarray(X)
    read_only = np.zeros(4)
    read_only.flags.writeable = False
    with pytest.raises(TypeError, match="it is read-only"):
        logit(x, out=read_only)
    with pytest.raises(
        ValueError, match=r"`out` must have the shape of `input`, \(4,\), got \(5,\)"
    ):
        logit(x, out=np.zeros(5))
    shared = np.lib.stride_tricks.as_strided(np.zeros(1), (4,), (0,))
    with pytest.raises(TypeError, match="its elements share memory"):
        logit(x, out=shared)


def test_torch_refusals():
    torch = pytest.importorskip("torch")
    x = torch.tensor(X)
    needs = torch.zeros(4, requires_grad=True)
    for input, out in [(x, needs), (x.clone().requires_grad_(), torch.zeros(4))]:
        with pytest.raises(TypeError, match="requires a gradient"):
            logit(input, out=out)
        with torch.no_grad():
            np.testing.assert_array_equal(logit(input, out=out).detach(), logit(x))
    with pytest.raises(TypeError, match="its elements share memory"):
        logit(x, out=torch.zeros(1).expand(4))
    with pytest.raises(ValueError, match="on the device of `input`, cpu, got meta"):
        logit(x, out=torch.empty(4, device="meta"))


def test_windows_that_overlap_are_refused():
    windows = np.lib.stride_tricks.sliding_window_view(np.full(9, 0.25), 2, writeable=True)
    with pytest.raises(TypeError, match="its elements share memory"):
        logit(windows, out=windows)
    assert (windows == 0.25).all()


def test_views_that_do_not_overlap_are_taken():
    values = np.linspace(0, 1, 4 * 5 * 6).reshape(4, 5, 6)
    for view in (
        values[::-1, ::2].transpose(2, 0, 1),
        values[:, :1, 3:4],
        values[:, :0],
        np.lib.stride_tricks.as_strided(values, (2, 3), (0, 0))[:0],
    ):
        expected = logit(view.copy())
        np.testing.assert_array_equal(logit(view, out=view), expected)


def test_torch_windows_that_overlap_are_refused():
    torch = pytest.importorskip("torch")
    windows = torch.full((9,), 0.25).unfold(0, 2, 1)
    with pytest.raises(TypeError, match="its elements share memory"):
        logit(windows, out=windows)
    empty = torch.empty(0).expand(3, 0)
    assert logit(empty, out=empty) is empty
