"""Threads on NumPy change no bit, and are there only where they were asked for."""

import asyncio
import contextvars
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import arraylogit
from arraylogit import _threads, logit
from arraylogit._strategies._numpy import SHARE
from tests.functions import each_function

LARGE = 5 * SHARE + 7


@pytest.fixture
def parts(monkeypatch):
    """Return a list that grows by what is run at once."""
    found = []
    run = _threads.run

    def counting(work, parts):
        found.append(len(parts))
        run(work, parts)

    monkeypatch.setattr(_threads, "run", counting)
    return found


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble"])
@each_function
def test_same_bits(function, dtype, parts):
    x = np.linspace(0.001, 0.999, LARGE).astype(dtype)
    if function.__name__ == "logit_exp":
        x = -x
    expected = function(x)
    for number in (2, 3, 100):
        with arraylogit.num_threads(number):
            np.testing.assert_array_equal(function(x), expected)
    assert parts == [2, 3, 5]


LAYOUTS = {
    "reversed": lambda x: x[::-1],
    "strided": lambda x: x[::3],
    "fortran": lambda x: np.asfortranarray(x.reshape(-1, 5)),
    "transposed": lambda x: x.reshape(-1, 5, 4).transpose(2, 0, 1),
    "broadcast": lambda x: np.broadcast_to(x[:7], (x.size // 7, 7)),
    "other order of bytes": lambda x: x.astype(x.dtype.newbyteorder()),
    "masked": lambda x: np.ma.masked_greater(x, 0.9),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout, parts):
    x = LAYOUTS[layout](np.linspace(0, 1, 10 * SHARE))
    expected = logit(x, 0.25)
    with arraylogit.num_threads(3):
        y = logit(x, 0.25)
    np.testing.assert_array_equal(y, expected)
    assert (type(y), y.dtype, y.strides) == (type(expected), expected.dtype, expected.strides)
    assert parts == [3]


def test_out(parts):
    x = np.linspace(0, 1, LARGE)
    expected = logit(x)
    out = np.empty(LARGE, "float32")
    with arraylogit.num_threads(3):
        assert logit(x, out=out) is out
        np.testing.assert_array_equal(out, expected.astype("float32"))
        y = x.copy()
        logit(y, out=y)
        np.testing.assert_array_equal(y, expected)
        assert parts == [3, 3]
        logit(x[:-3], out=x[3:])  # on one thread
        np.testing.assert_array_equal(x[3:], expected[:-3])
        assert parts == [3, 3]


def test_no_more_than_needed(parts):
    with arraylogit.num_threads(8):
        logit(np.full(2 * SHARE - 1, 0.5))
        assert parts == []
        logit(np.full(2 * SHARE, 0.5))
        assert parts == [2]
    with arraylogit.num_threads(1):
        logit(np.full(LARGE, 0.5))
    logit(np.full(LARGE, 0.5))
    assert parts == [2]


def test_of_the_block_alone(parts):
    x = np.full(LARGE, 0.5)
    before = threading.active_count()
    with arraylogit.num_threads(3):
        assert threading.active_count() == before  # none before it is needed
        with arraylogit.num_threads(2):
            logit(x)
        logit(x)
        other = threading.Thread(target=logit, args=(x,))
        if not getattr(sys.flags, "thread_inherit_context", False):
            other.start()
            other.join()
    logit(x)
    assert parts == [2, 3]
    assert threading.active_count() == before


def test_silent(parts):
    x = np.full(LARGE, 2.0)
    with np.errstate(all="raise"), arraylogit.num_threads(2):
        assert np.isnan(logit(x)).all()
        with pytest.raises(FloatingPointError):
            np.log(-x)
    assert parts == [2]


def test_an_error_waits_for_what_has_begun():
    together, ended = threading.Barrier(3), []

    def work(number):
        together.wait()
        if threading.current_thread() is threading.main_thread():
            raise MemoryError
        time.sleep(0.05)
        ended.append(number)

    with arraylogit.num_threads(3):
        with pytest.raises(MemoryError):
            _threads.run(work, [(0,), (1,), (2,)])
        assert len(ended) == 2  # before the block waits for its threads


@pytest.fixture
def interruptible():
    """A process that was started in the background ignores the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_too():
    begun, ended = threading.Event(), []

    def work(number):
        if threading.current_thread() is threading.main_thread():
            begun.wait()
            return
        begun.set()
        time.sleep(0.05)
        signal.raise_signal(signal.SIGINT)  # in the main thread, which is waiting
        time.sleep(0.05)
        ended.append(number)

    with arraylogit.num_threads(2):
        with pytest.raises(KeyboardInterrupt):
            _threads.run(work, [(0,), (1,)])
        assert len(ended) == 1


def test_one_thread_does_it_all_where_no_other_starts(monkeypatch):
    def refuse(self, work):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", refuse)
    x = np.linspace(0, 1, LARGE)
    with arraylogit.num_threads(3):
        y = logit(x)
    np.testing.assert_array_equal(y, logit(x))


def test_a_task_that_outlives_the_block(parts):
    x = np.linspace(0, 1, LARGE)

    async def work():
        await asyncio.sleep(0)
        return logit(x)

    async def main():
        with arraylogit.num_threads(2):
            task = asyncio.create_task(work())
        return await task

    np.testing.assert_array_equal(asyncio.run(main()), logit(x))
    assert parts == []


def test_not_in_the_chunks_of_dask(parts, needs):
    da = needs("dask.array")
    x = da.full(LARGE, 0.5, chunks=LARGE)
    with arraylogit.num_threads(2):
        logit(x).compute(scheduler="synchronous")
        logit(x).compute(scheduler="threads")
    assert parts == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="not run: the system cannot fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*fork.*:RuntimeWarning")
def test_after_a_fork(parts):
    x = np.full(LARGE, 0.75)
    with arraylogit.num_threads(2):
        expected = logit(x)
        child = os.fork()
        if not child:
            alone = _threads.available() == 1
            same = np.array_equal(logit(x), expected)
            with arraylogit.num_threads(2):
                same &= np.array_equal(logit(x), expected)
            os._exit(0 if alone and same and parts == [2, 2] else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        (0, ValueError, "num_threads: `number` must be at least 1, got 0"),
        (-2, ValueError, "num_threads: `number` must be at least 1, got -2"),
        (1.5, TypeError, "num_threads: `number` must be an integer, got 1.5"),
        ("2", TypeError, "num_threads: `number` must be an integer, got '2'"),
        (None, TypeError, "num_threads: `number` must be an integer, got None"),
    ],
)
def test_refused(number, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        arraylogit.num_threads(number)


def test_takes_integers_of_numpy():
    with arraylogit.num_threads(np.int64(3)):
        assert _threads.available() == 3
    assert _threads.available() == 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_block_may_end_in_another_context(number):
    block = arraylogit.num_threads(number)
    contextvars.copy_context().run(block.__enter__)
    block.__exit__(None, None, None)
    with arraylogit.num_threads(2):
        assert _threads.available() == 2
    assert _threads.available() == 1
