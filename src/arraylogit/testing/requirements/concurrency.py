"""Threads and processes."""

import multiprocessing
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from itertools import cycle, islice, product

import numpy as np

from arraylogit.testing.inputs import typical
from arraylogit.testing.registry import identical, requirement

SIZE = 100_003


@requirement(
    "concurrency/threads",
    "Calls in many threads at a time, of different numbers and dtypes and with different eps, "
    "give what they give one after the other.",
    needs="cheap",
)
def threads(subject):
    dtypes = [np.dtype(np.float32)] if subject.compiles else subject.dtypes
    arrays = [typical(subject.function, dtype, SIZE) for dtype in dtypes]
    kinds = islice(cycle(product(arrays, subject.options(0.25, 0.375))), 12)
    calls = [(np.roll(x, i * SIZE // 12), chosen) for i, (x, chosen) in enumerate(kinds)]

    def call(what):
        with np.errstate(all="ignore"):  # which every thread has its own of
            return subject(what[0], **what[1])

    expected = [call(what) for what in calls]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            # An engine is one of the context, which a thread does not have by itself.
            done = [pool.submit(copy_context().run, call, what) for what in calls * 2]
            for y, one in zip((future.result() for future in done), expected * 2, strict=True):
                identical(y, one)
    finally:
        sys.setswitchinterval(before)


@requirement(
    "concurrency/fork", "A forked process gives what its parent gave.", needs="fork cheap"
)
def fork(subject):
    # What one thread computes: those of the parent do not exist in the child.
    x = typical(subject.function, np.float32, 1001)
    expected = subject(x)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send_bytes(subject(x).tobytes()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a fork next to threads, which is the point
        process.start()
    try:
        assert receiver.poll(10), "the child does not answer"
        y = np.frombuffer(receiver.recv_bytes(), expected.dtype)
    finally:
        process.kill()
        process.join()
    identical(y, expected)
