"""How well an implementation of the logit and its relatives keeps the contract.

``python -m arraylogit.testing mypackage:sigmoid=expit --quick`` gives a verdict, and
`parametrize_with_requirements` makes each requirement a test in a suite of yours.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

__all__ = ["parametrize_with_requirements"]


def parametrize_with_requirements(
    target: str | Mapping[str, Callable[..., Any]],
    backend: str = "",
    only: str = "*",
    quick: bool = True,
) -> Any:
    """Return a decorator that runs a test for each requirement, with a function that checks it.

    Parameters
    ----------
    target : str or mapping
        ``module``, ``module:function``, ``module:sigmoid=expit``; or functions by the name of
        the function that each computes.
    backend : str
        Comma-separated names of libraries and their modes, or beginnings of these; by default the
        libraries that the functions work on.
    only : str
        Patterns of requirements, separated by spaces, such as ``"accuracy/* eps/*"``.
    quick : bool
        Whether to leave out the slow checks.

    Examples
    --------
    >>> from arraylogit.testing import parametrize_with_requirements
    >>> @parametrize_with_requirements({"expit": my_sigmoid}, only="accuracy/* special-values/*")
    ... def test_sigmoid(check):
    ...     check()
    """
    import pytest

    from arraylogit.testing import registry, report, targets

    subjects = report.subjects(*targets.choose([target], backend, quick), quick)
    checks = [
        pytest.param(
            partial(registry.checked, entry, subject), **registry.described(entry, subject)
        )
        for entry, subject in registry.pairs(subjects, only)
        if not entry.inapplicable(subject)
    ]
    return pytest.mark.parametrize("check", checks)
