"""Silence where all is well, and clear words where it is not."""

import warnings

import numpy as np
import pytest

from arraylogit.testing import backends
from arraylogit.testing.registry import accepted, refused, requirement

SPECIAL = [0.0, -0.0, 0.5, 1.0, -1.0, 2.0, 1e4, -1e4, 1e-40, np.inf, -np.inf, np.nan]


@requirement(
    "warnings/none",
    "No warning is emitted for any value, of few or many, and nothing is raised.",
)
def none(subject):
    cheap = "cheap" in subject.features
    for dtype in subject.dtypes if cheap else [np.float32]:
        for chosen in subject.options(0, 1e-3) if cheap else [{}]:
            with np.errstate(all="ignore"):
                x = np.asarray(SPECIAL).astype(dtype)
            f = subject.transformed(**chosen)
            many = cheap and (dtype == np.float32 or not subject.compiles)
            for size in (x.size, 100_003) if many else (x.size,):
                native = subject.backend.asarray(subject.lengthened(np.resize(x, size)))
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    subject.backend.to_numpy(f(native))


@requirement(
    "warnings/errstate",
    "Nothing is raised under `np.errstate(all='raise')` either, with eps too. The call changes "
    "neither that setting nor the filters of warnings.",
    needs="errstate",
)
def errstate(subject):
    filters = warnings.filters.copy()
    for dtype in subject.dtypes:
        with np.errstate(all="ignore"):
            x = np.asarray(SPECIAL).astype(dtype)
        with np.errstate(all="raise"):
            for chosen in subject.options(0, 1e-50):
                subject(x, **chosen)
            subject(np.resize(x, 100_003))
            for value in x:
                subject(np.asarray(value))
            assert set(np.geterr().values()) == {"raise"}, f"changed to {np.geterr()}"
    assert warnings.filters == filters, "the filters of warnings were changed"


@requirement(
    "errors/input",
    "What holds no numbers is a TypeError or ValueError: text, bytes, objects, dates, spans of "
    "time, records, ragged lists.",
    needs="errstate",
)
def wrong_input(subject):
    accepted(subject)
    numberless = [
        b"0.5",
        [b"0.5"],
        np.ones(1, "m8[s]"),
        np.ones(1, "f4,f4"),
        {0.5},
        "0.5",
        None,
        object(),
        {"p": 0.5},
        ["a"],
        [1, [2]],
        np.asarray([None]),
    ]
    for value in [*numberless, np.asarray(["2020-01-01"], "datetime64[D]")]:
        refused(subject.call, value)


@requirement(
    "errors/message",
    "The message of a refusal names the argument and what is allowed.",
    "logit",
    "eps cheap",
)
def message(subject):
    accepted(subject, eps=0.25)
    x = subject.backend.asarray(np.float32([0.25]))
    with pytest.raises((TypeError, ValueError), match=r"eps.*0\.5"):
        subject.call(x, eps=0.75)


@requirement(
    "errors/mixed",
    "An eps that is an array of another library, or not 0-d, is a TypeError or ValueError.",
    "logit",
    "eps cheap",
)
def mixed(subject):
    x = subject.backend.asarray(np.float32([0.25, 0.5]))
    accepted(subject, eps=0.25)
    for eps in (np.asarray([0.1, 0.2]), subject.backend.asarray(np.float32([0.1, 0.2]))):
        refused(subject.call, x, eps=eps)
    refused(subject.call, x, eps=subject.backend.asarray(np.float32([0.1])))
    for other in backends.others(subject.backend):
        if other.name == "numpy":
            continue  # whose 0-d arrays are numbers: see eps/number
        with other:
            refused(subject.call, x, eps=other.asarray(np.asarray(0.25)))
