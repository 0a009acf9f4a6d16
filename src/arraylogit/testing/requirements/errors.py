"""Silence where all is well, and clear words where it is not."""

import warnings

import numpy as np
import pytest

from arraylogit.testing.registry import refused, requirement

SPECIAL = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 1e4, -1e4, 1e-40, np.inf, -np.inf, np.nan]


@requirement(
    "warnings/none",
    "No warning is emitted for any value, and nothing is raised.",
)
def test_none(subject):
    options = [{}, {"eps": 0}, {"eps": 1e-3}] if "eps" in subject.features else [{}]
    if "cheap" not in subject.features:
        options = [{}]
    for dtype in subject.dtypes if "cheap" in subject.features else [np.float32]:
        for chosen in options:
            with np.errstate(all="ignore"):
                x = np.asarray(SPECIAL).astype(dtype)
            f, native = subject.transformed(**chosen), subject.backend.asarray(x)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                f(native)


@requirement(
    "warnings/errstate",
    "Nothing is raised under `np.errstate(all='raise')` either.",
    needs="errstate",
)
def test_errstate(subject):
    for dtype in subject.dtypes:
        with np.errstate(all="ignore"):
            x = np.asarray(SPECIAL).astype(dtype)
        with np.errstate(all="raise"):
            subject(x)
            for value in x:
                subject(np.asarray(value))


@requirement(
    "errors/input",
    "What holds no numbers is a TypeError or ValueError: text, objects, dates, ragged lists.",
    needs="errstate",
)
def test_input(subject):
    numberless = ["0.5", None, object(), {"p": 0.5}, ["a"], [1, [2]], np.asarray([None])]
    for value in [*numberless, np.asarray(["2020-01-01"], "datetime64[D]")]:
        refused(subject.call, value)


@requirement(
    "errors/message",
    "The message of a refusal names the argument and what is allowed.",
    "logit",
    "eps cheap",
)
def test_message(subject):
    x = subject.backend.asarray(np.float32([0.25]))
    with pytest.raises((TypeError, ValueError), match=r"eps.*0\.5"):
        subject.call(x, eps=0.75)


@requirement(
    "errors/mixed",
    "An eps that is an array of another library, or not 0-d, is a TypeError or ValueError.",
    "logit",
    "eps cheap",
)
def test_mixed(subject):
    x = subject.backend.asarray(np.float32([0.25, 0.5]))
    for eps in (np.asarray([0.1, 0.2]), subject.backend.asarray(np.float32([0.1, 0.2]))):
        refused(subject.call, x, eps=eps)
