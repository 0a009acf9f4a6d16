"""Engines keep the contract, run only where they were asked for, and serve njit too."""

import os
import re
import signal
import subprocess
import sys
import threading

import llvmlite.binding
import numba
import numpy as np
import pytest
import torch

import arraylogit
from arraylogit import _engine, expit, logit
from arraylogit._logit import LOGIT
from arraylogit._strategies import _numba, _numba_extension
from tests.functions import each_function

LARGE = 5 * _numba.SHARE + 7


def probabilities(dtype, shape=(LARGE,)):
    n = int(np.prod(shape))
    return np.linspace(0.001, 0.999, n).astype(dtype).reshape(shape)


def inputs_of(function, dtype, shape=(LARGE,)):
    x = probabilities(dtype, shape)
    if function.__name__ == "logit_exp":
        return -x
    return x if "logit" in function.__name__ else 20 * x - 10


def ulps(y, expected):
    unit = np.spacing(np.abs(expected).astype(expected.dtype))
    error = np.abs(y.astype(np.float64) - expected.astype(np.float64))
    return np.max(error / unit, initial=0)


@pytest.fixture
def on_numba():
    with arraylogit.engine("numba"):
        yield


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f8", "int8"])
@each_function
def test_values_are_those_of_the_ordinary_way(function, dtype):
    x = inputs_of(function, "float64" if dtype == "int8" else dtype).astype(dtype)
    expected = function(x)
    with arraylogit.engine("numba"):
        y = function(x)
    assert (y.dtype, y.strides) == (expected.dtype, expected.strides)
    # Next to 0, where the ordinary way is 2 ULP off, or 1 and 2 together.
    finite = np.isfinite(expected)
    assert ulps(y[finite], expected[finite]) <= (0 if expected.itemsize < 4 else 4)
    np.testing.assert_array_equal(y[~finite], expected[~finite])


LAYOUTS = {
    "reversed": lambda x: x[::-1],
    "strided": lambda x: x[::3],
    "fortran": lambda x: np.asfortranarray(x.reshape(-1, 2)),
    "transposed": lambda x: x.reshape(-1, 5, 4).transpose(2, 0, 1),
    "broadcast": lambda x: np.broadcast_to(x[:7], (x.size // 7, 7)),
    "empty": lambda x: x[:0],
    "no dimension": lambda x: x[0].reshape(()),
    "read-only": lambda x: np.frombuffer(x.tobytes()),
    "masked": lambda x: np.ma.masked_greater(x, 0.9),
    "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), np.uint8)[1:].view(x.dtype),
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, threads):
    x = LAYOUTS[layout](probabilities("float64", (20 * _numba.BLOCK,)))
    expected = logit(x, 0.25)
    with arraylogit.engine("numba", threads):
        y = logit(x, 0.25)
    np.testing.assert_allclose(y, expected, rtol=1e-15)
    assert (type(y), y.dtype, y.strides) == (type(expected), expected.dtype, expected.strides)


@pytest.mark.usefixtures("on_numba")
def test_position_does_not_matter():
    x = probabilities("float64", (4099,))
    whole = logit(x)
    np.testing.assert_array_equal([logit(v) for v in x[:40]], whole[:40])
    for start in range(9):
        np.testing.assert_array_equal(logit(x[start : start + 50]), whole[start : start + 50])
        np.testing.assert_array_equal(logit(x[start::7]), whole[start::7])


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [100, LARGE])
def test_out(n, threads):
    x = probabilities("float64", (n,))
    with arraylogit.engine("numba", threads):
        expected = logit(x)
        out = np.empty(n, "float32")
        assert logit(x, out=out) is out
        np.testing.assert_array_equal(out, expected.astype("float32"))
        y = x.copy()
        logit(y, out=y)
        np.testing.assert_array_equal(y, expected)
        y = np.empty(2 * n)[::2]
        logit(x, out=y)
        np.testing.assert_array_equal(y, expected)
        y = x.copy()
        logit(y[::-1], out=y)
        np.testing.assert_array_equal(y, expected[::-1])
        logit(x[:-3], out=x[3:])
        np.testing.assert_array_equal(x[3:], expected[:-3])


@pytest.mark.usefixtures("on_numba")
def test_special_values_and_silence():
    x = np.array([-0.0, 0.0, 1, 0.5, -1, 2, np.inf, -np.inf, np.nan, 5e-324])
    with np.errstate(all="raise"):
        y = logit(x)
        np.testing.assert_array_equal(
            y, [-np.inf, -np.inf, np.inf, 0, *[np.nan] * 5, -744.4400719213812]
        )
        assert np.isfinite(logit(x, 1e-300)[[0, 1, 2, 4, 5, 6, 7]]).all()
        np.testing.assert_array_equal(logit(x, 0.0)[[4, 5]], [-np.inf, np.inf])
        assert logit(np.float32(1), 1e-9) == np.log(np.float64(2**24 - 1)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["longdouble", "complex128"])
def test_what_it_cannot_take_goes_the_ordinary_way(dtype):
    x = probabilities(dtype, (100,))
    with arraylogit.engine("numba"):
        y = logit(x)
    np.testing.assert_array_equal(y, logit(x))


DERIVATIVES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("eps", [None, 0.25])
@pytest.mark.parametrize("dtype", DERIVATIVES)
def test_gradients_of_torch(dtype, eps):
    x = torch.linspace(0.01, 0.99, 3000).to(dtype).reshape(3, 1000).T.requires_grad_()
    factor = torch.linspace(-1, 1, 1000).to(dtype)[:, None]

    def gradients():
        y = logit(x, eps)
        (g,) = torch.autograd.grad((y * factor).sum(), x)
        return y.detach(), g

    expected = gradients()
    with arraylogit.engine("numba"):
        found = gradients()
    assert found[0].stride() == x.stride()
    for y, z in zip(found, expected, strict=True):
        assert y.dtype == dtype
        torch.testing.assert_close(y, z, rtol=4 * torch.finfo(dtype).eps, atol=1e-30)


@pytest.mark.usefixtures("on_numba")
@each_function
def test_derivatives_of_torch(function):
    x = torch.from_numpy(inputs_of(function, "float64", (5,)) * 0.9)
    assert torch.autograd.gradcheck(function, x.clone().requires_grad_(), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(function, x.clone().requires_grad_())
    batch = x.repeat(3, 1)
    assert torch.equal(torch.vmap(function)(batch), function(batch))
    f, tangent = torch.func.jvp(function, (x,), (torch.ones_like(x),))
    assert torch.equal(f, function(x))
    slope = torch.func.vmap(torch.func.grad(function))(x)
    torch.testing.assert_close(tangent, slope, rtol=1e-15, atol=0)


@pytest.mark.usefixtures("on_numba")
def test_each_is_one_loop(monkeypatch):
    found = []
    run = _numba.Loops._run

    def counting(self, name, *rest):
        found.append((self._function.name, name))
        return run(self, name, *rest)

    monkeypatch.setattr(_numba.Loops, "_run", counting)
    x = torch.full((3,), 0.25, requires_grad=True)
    logit(x).sum().backward()
    assert found == [("logit", "_values"), ("logit", "_slopes")]
    assert torch.equal(x.grad, torch.full((3,), 1 / 0.1875))


def test_threads_change_no_bit(monkeypatch):
    shares = []
    call = _numba._Shares.__call__

    def counting(self, *arguments):
        shares.append(self._number)
        return call(self, *arguments)

    monkeypatch.setattr(_numba._Shares, "__call__", counting)
    x = probabilities("float32", (LARGE,))
    with arraylogit.engine("numba"):
        expected = logit(x)
        assert not shares
    with arraylogit.engine("numba", 2):
        before = numba.get_num_threads()
        np.testing.assert_array_equal(logit(x), expected)
        t = torch.from_numpy(x).requires_grad_()
        logit(t).sum().backward()
        assert numba.get_num_threads() == before
        logit(x[: _numba.SHARE])  # too few to share
    assert shares == [2] * 3 or numba.config.NUMBA_NUM_THREADS == 1


def test_many_threads_at_once():
    x = probabilities("float64", (LARGE,))
    expected, failures = None, []
    with arraylogit.engine("numba", 2):
        expected = logit(x)

    def work():
        with arraylogit.engine("numba", 2):
            for _ in range(5):
                if not np.array_equal(logit(x), expected):
                    failures.append("values")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not run: the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
@pytest.mark.parametrize("layer", ["default", "omp", "workqueue"])
def test_after_a_fork(layer):
    code = f"""
import os, numba
if {layer!r} != "default":
    numba.config.THREADING_LAYER = {layer!r}
import numpy as np, arraylogit
x = np.full({LARGE}, 0.75)
with arraylogit.engine("numba", 2):
    expected = arraylogit.logit(x)
    child = os.fork()
    if not child:
        os._exit(0 if np.array_equal(arraylogit.logit(x), expected) else 1)
    _, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def _repeat(call):
    while True:
        call()


@pytest.mark.skipif(sys.platform == "win32", reason="not run: no such signal can be sent")
@pytest.mark.usefixtures("on_numba")
def test_an_interrupt_ends_a_long_call():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        x = np.broadcast_to(np.float64(0.25), 20_000_000)
        out = np.empty(x.shape)
        threading.Timer(0.02, signal.raise_signal, [signal.SIGINT]).start()
        with pytest.raises(KeyboardInterrupt):
            _repeat(lambda: logit(x, out=out))
    finally:
        signal.signal(signal.SIGINT, before)


def test_of_the_context_alone():
    assert _engine.current() is None
    with arraylogit.engine("numba", threads=2):
        assert _engine.current() == ("numba", 2)
        with arraylogit.engine("inductor"):
            assert _engine.current() == ("inductor", 1)
        assert _engine.current() == ("numba", 2)
        seen = []
        other = threading.Thread(target=lambda: seen.append(_engine.current()))
        other.start()
        other.join()
        assert seen == [None] or getattr(sys.flags, "thread_inherit_context", False)
    assert _engine.current() is None


def test_chunks_of_dask_have_the_engine_on_one_thread(monkeypatch, needs):
    da = needs("dask.array")
    found = []
    values = _numba.Loops.values

    def recording(self, x, *rest):
        found.append((self._threads, x.size))
        return values(self, x, *rest)

    monkeypatch.setattr(_numba.Loops, "values", recording)
    x = da.full(LARGE, 0.5, chunks=LARGE)
    with arraylogit.engine("numba", 2):
        y = logit(x)
    found.clear()
    y.compute(scheduler="synchronous")
    y.compute(scheduler="threads")
    assert found == [(1, LARGE)] * 2
    logit(x).compute()
    assert len(found) == 2


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((1,), TypeError, "engine: `name` must be a string, got 1"),
        (("c",), ValueError, "engine: `name` must be one of 'numba', 'inductor', got 'c'"),
        (("numba", 0), ValueError, "engine: `threads` must be at least 1, got 0"),
        (("numba", 1.5), TypeError, "engine: `threads` must be an integer, got 1.5"),
        (("numba", None), TypeError, "engine: `threads` must be an integer, got None"),
        (("inductor", 2), ValueError, "engine: `threads` must be 1 for 'inductor', got 2: .*"),
    ],
)
def test_refused(arguments, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        arraylogit.engine(*arguments)


def test_not_installed(monkeypatch):
    monkeypatch.setattr(_engine, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"pip install 'arraylogit\[numba\]'"):
        arraylogit.engine("numba")


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_of_a_process(tmp_path):
    code = """
import sys, numpy as np, arraylogit
assert "numba" not in sys.modules
with np.errstate(all="raise"):
    assert arraylogit.logit(np.full(3, 0.75))[0] == np.log(3)
assert "numba" in sys.modules
"""
    done = run(code, ARRAYLOGIT_ENGINE="numba", ARRAYLOGIT_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    kept = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.suffix for file in kept} == {".nbc", ".nbi"}
    written = [file.stat().st_mtime_ns for file in kept]
    done = run(code, ARRAYLOGIT_ENGINE="numba", ARRAYLOGIT_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [file.stat().st_mtime_ns for file in kept] == written  # read, not compiled anew
    done = run("import arraylogit", ARRAYLOGIT_ENGINE="gpu")
    assert "ARRAYLOGIT_ENGINE: engine: `name` must be one of 'numba', 'inductor'" in done.stderr


def test_nothing_is_kept_where_the_user_wants_it_so(tmp_path):
    code = "import arraylogit, numpy as np\nfor f in [arraylogit.logit]: f(np.full(3, 0.5))"
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = run(code, ARRAYLOGIT_ENGINE="numba", ARRAYLOGIT_CACHE_DIR="", **home)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.rglob("*.nb?"))
    source = os.path.dirname(arraylogit.__file__)
    assert not [f for _, _, names in os.walk(source) for f in names if f.endswith(".nbi")]


@pytest.fixture(scope="module", autouse=True)
def extension():
    """The entry point, whether the sources are installed or not."""
    _numba_extension.init()


@numba.njit
def _jitted(x):
    return arraylogit.logit(x), arraylogit.logit(x, 0.25), arraylogit.expit(x)


@pytest.mark.parametrize(
    "x",
    [
        0.25,
        np.float32(0.75),
        1,
        True,
        np.array(0.3),
        np.array([0, 0.25, 1, 2, np.nan]),
        np.array([[0.1, 0.2], [0.3, 0.4]], "float32"),
        np.asfortranarray(np.linspace(0, 1, 6).reshape(2, 3)),
        np.linspace(0, 1, 7)[::2],
        np.arange(2),
    ],
    ids=repr,
)
def test_inside_njit(x):
    for y, expected in zip(_jitted(x), (logit(x), logit(x, 0.25), expit(x)), strict=True):
        assert np.shape(y) == np.shape(expected)
        if isinstance(x, np.ndarray):
            assert y.dtype == expected.dtype
        tolerance = 2e-7 if getattr(x, "dtype", None) == np.float32 else 1e-15
        np.testing.assert_allclose(y, expected, rtol=tolerance)


@each_function
def test_every_function_inside_njit(function):
    @numba.njit
    def jitted(x):
        return function(x)

    x = inputs_of(function, "float64", (50,))
    with arraylogit.engine("numba"):
        np.testing.assert_array_equal(jitted(x), function(x))


def test_inside_vectorize_and_prange():
    @numba.vectorize
    def loss(x):
        return arraylogit.special.log_expit(x) + 1

    @numba.njit(parallel=True)
    def total(x, eps):
        s = 0.0
        for i in numba.prange(x.size):
            s += arraylogit.logit(x[i], eps)
        return s

    x = np.array([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(loss(x), arraylogit.log_expit(x) + 1, rtol=1e-15)
    np.testing.assert_allclose(total(x, 0.1), logit(x, 0.1).sum(), rtol=1e-15)
    with pytest.raises(ValueError, match=r"logit: `eps` must be in \[0, 0.5\]"):
        _with_eps(0.3, 0.7)


@numba.njit
def _with_eps(x, eps):
    return arraylogit.logit(x, eps)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1j, 0.1), "logit: `input` must be a real number or an array of them"),
        ((0.3, "a"), "logit: `eps` must be None or a real number"),
    ],
)
def test_refused_inside_njit(arguments, message):
    with pytest.raises(numba.core.errors.TypingError, match=message):
        _with_eps(*arguments)


def test_refused_for_cuda():
    from numba.core.target_extension import target_override

    error = numba.core.errors.TypingError
    with target_override("cuda"), pytest.raises(error, match="logit: it is not compiled for CUDA"):
        _numba_extension._logit(numba.float64)


def test_vectorised_by_llvm():
    @numba.njit([numba.void(numba.float64[::1], numba.float64[::1])], error_model="numpy")
    def loop(x, out):
        for i in range(x.size):
            out[i] = arraylogit.logit(x[i])

    (code,) = loop.inspect_llvm().values()
    assert "fdiv <" in code.replace("fdiv contract <", "fdiv <")


@pytest.mark.skipif(
    not llvmlite.binding.get_host_cpu_features().get("avx512f"), reason="there are no wider ones"
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_widest_vectors_are_used(dtype, monkeypatch):
    monkeypatch.setattr(_numba, "_cache_folder", lambda: None)  # there, no code is left to read
    loop = _numba.Loops(LOGIT, dtype, 1)._values
    (code,) = loop.inspect_asm().values()
    assert re.search(r"vdivpd\s.*zmm", code)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_inductor(dtype):
    from torch._dynamo.utils import counters

    with torch._dynamo.config.patch(recompile_limit=1000), arraylogit.engine("inductor"):
        before = None
        for shape in [(4, 5, 6), (7, 3), (100,), (3, 2, 2, 2), (1,), (), (0,)]:
            for eps in (None, 0.1, 0.2):
                x = torch.linspace(0.01, 0.99, max(int(np.prod(shape)), 1)).to(dtype)
                x = x[: int(np.prod(shape))].reshape(shape).requires_grad_()
                y = logit(x, eps)
                (g,) = torch.autograd.grad(y.sum(), x)
                with _engine.using(None):
                    z = logit(x, eps)
                    (h,) = torch.autograd.grad(z.sum(), x)
                tolerance = {"rtol": 4 * torch.finfo(dtype).eps, "atol": torch.finfo(dtype).eps}
                torch.testing.assert_close(y, z, **tolerance)
                torch.testing.assert_close(g, h, **tolerance)
            if len(shape) == 2:
                before = counters["stats"]["unique_graphs"]
        assert counters["stats"]["unique_graphs"] == before
        out = torch.empty(50, dtype=dtype)
        x = torch.linspace(0.1, 0.9, 50, dtype=dtype)
        assert logit(x, out=out) is out
        assert torch.equal(out, logit(x))
