"""Threads and processes."""

import multiprocessing
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from arraylogit.testing.registry import identical, requirement

X = np.linspace(0, 1, 100_003, dtype=np.float32)


@requirement(
    "concurrency/threads", "Calls in many threads at a time give what one gives.", needs="cheap"
)
def test_threads(subject):
    def call(x):
        with np.errstate(all="ignore"):  # which every thread has its own of
            return subject(x)

    expected = subject(X)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as pool:
            for y in pool.map(call, [X] * 16):
                identical(y, expected)
    finally:
        sys.setswitchinterval(before)


@requirement(
    "concurrency/fork", "A forked process gives what its parent gave.", needs="fork cheap"
)
def test_fork(subject):
    x = X[:1001]  # what one thread computes: those of the parent do not exist in the child
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
