"""What a mutant is, the list of them, and words that many are said in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from arraylogit.testing.perfect import logit


@dataclass(frozen=True)
class Mutant:
    """A wrong function on a backend, and a pattern of the message that rejects it.

    `points` is how many a measurement takes to find what is wrong.
    """

    name: str
    requirement: str
    says: str
    function: Callable[..., Any]
    computes: str = "logit"
    backend: str = "numpy"
    points: int = 500


MUTANTS: list[Mutant] = []


def mutant(name, requirements, says, function, **options):
    """List a wrong function for each requirement that must reject it."""
    for requirement in requirements.split():
        MUTANTS.append(Mutant(name, requirement, says, function, **options))


def rejected_by(requirements, says, **options):
    """Return a decorator that lists a function by its own name."""

    def register(function):
        mutant(function.__name__, requirements, says, function, **options)
        return function

    return register


def textbook(x):
    with np.errstate(all="ignore"):
        return np.log(x / (1 - x))


def spoiled(y):
    """Return results with an error in each."""
    return y * y.dtype.type(1.01)


def wrong_where(name, requirement, says, found):
    """List a function that is wrong for the inputs of which `found` is true."""
    mutant(name, requirement, says, lambda x: spoiled(logit(x)) if found(x) else logit(x))


def wrong_with_eps(name, requirement, says, found):
    """List a function that is wrong for the inputs of which `found` is true, if eps is given."""

    def function(x, eps=None):
        y = logit(x, eps)
        return spoiled(y) if eps is not None and found(x) else y

    mutant(name, requirement, says, function)


def unclamped_where(name, requirement, says, found):
    """List a function that ignores eps for the inputs of which `found` is true."""
    mutant(name, requirement, says, lambda x, eps=None: logit(x) if found(x) else logit(x, eps))
