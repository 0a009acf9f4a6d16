"""The implementations to check: a row for each library's own, and any others by module path."""

import inspect
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial, reduce
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from arraylogit.testing.backends import BACKENDS, Backend, backend, select
from arraylogit.testing.functions import FUNCTIONS


@dataclass(frozen=True)
class Implementation:
    """A function of any implementation, called as ours is.

    Attributes
    ----------
    raw : callable
        The function itself; its first argument is the input.
    eps, out : str or None
        What it calls these two arguments; None where it has none.
    """

    raw: Callable[..., Any]
    eps: str | None = None
    out: str | None = None

    def __call__(self, x: Any, **options: Any) -> Any:
        """Call it; `options` are `eps` and `out`."""
        return self.raw(x, **{getattr(self, name): value for name, value in options.items()})

    @property
    def features(self) -> frozenset[str]:
        """Which of the two arguments it has."""
        return frozenset(name for name in ("eps", "out") if getattr(self, name))

    @classmethod
    def of(cls, raw: Callable[..., Any]) -> "Implementation":
        """Return the implementation that a function is, arguments by their common names."""
        try:
            parameters = inspect.signature(raw).parameters
        except ValueError:  # built in
            return cls(raw)
        return cls(raw, *(name if name in parameters else None for name in ("eps", "out")))


@dataclass(frozen=True)
class Target:
    """The functions of one implementation.

    Attributes
    ----------
    name : str
        As given on the command line.
    load : callable
        Returns the implementations by the names of the functions they compute; imports.
    module : str
        The module that must be installed.
    backends : tuple of str
        Beginnings of the names of the backends that it is meant for, or whole names and a colon;
        empty for all.
    whole : bool
        Whether it must take every dtype, argument and transformation, and keep the rules of the
        house, as ours does. What it does not take is then broken, not unsupported.
    transformed : dict
        The functions as backends run them, which may take seconds to compile.
    """

    name: str
    load: Callable[[], dict[str, Implementation]]
    module: str
    backends: tuple[str, ...] = ()
    whole: bool = False
    transformed: dict[Any, Any] = field(default_factory=dict, init=False, compare=False)

    def __repr__(self) -> str:
        return self.name

    def missing(self) -> str | None:
        """Return why the target is not there, or None."""
        package = self.module.partition(".")[0]
        return None if find_spec(package) else f"{package} is not installed"

    @cached_property
    def functions(self) -> dict[str, Implementation]:
        """The implementations by function."""
        with warnings.catch_warnings(action="ignore"):  # of imports, which are not tested
            return self.load()

    def runs_on(self, backend: Backend) -> bool:
        """Return whether it is meant for the arrays of a backend, and for its mode."""
        if backend.of_ours and not self.whole:
            return False
        names = (f"{backend.name}::".startswith(f"{name}:") for name in self.backends)
        return not self.backends or any(names)


def _arraylogit() -> dict[str, Implementation]:
    import arraylogit

    ours = {name: getattr(arraylogit, name) for name in FUNCTIONS if hasattr(arraylogit, name)}
    return {name: Implementation.of(f) for name, f in ours.items()}


def _torch_special() -> dict[str, Implementation]:
    import torch

    return {
        "logit": Implementation(torch.special.logit, "eps", "out"),
        "expit": Implementation(torch.special.expit, None, "out"),
    }


def _torch_nn() -> dict[str, Implementation]:
    import torch.nn.functional

    return {
        "expit": Implementation(torch.nn.functional.sigmoid),
        "log_expit": Implementation(torch.nn.functional.logsigmoid),
    }


def _jax_scipy() -> dict[str, Implementation]:
    import jax.scipy.special

    return {name: Implementation(getattr(jax.scipy.special, name)) for name in ("logit", "expit")}


def _jax_nn() -> dict[str, Implementation]:
    import jax.nn

    return {
        "expit": Implementation(jax.nn.sigmoid),
        "log_expit": Implementation(jax.nn.log_sigmoid),
    }


def _scipy_special(module: str) -> dict[str, Implementation]:
    # The switch lets its functions take any array; looked at when SciPy is imported.
    os.environ.setdefault("SCIPY_ARRAY_API", "1")
    there = import_module(module)
    return {
        name: Implementation(getattr(there, name), None, "out")
        for name in ("logit", "expit", "log_expit")
    }


def _cupyx_scipy() -> dict[str, Implementation]:
    import cupyx.scipy.special

    return {
        name: Implementation(getattr(cupyx.scipy.special, name), None, "out")
        for name in ("logit", "expit", "log_expit")
        if hasattr(cupyx.scipy.special, name)
    }


def _numpy_formula() -> dict[str, Implementation]:
    textbook = {f.name: f.textbook for f in FUNCTIONS.values() if f.textbook}
    return {name: Implementation.of(f) for name, f in textbook.items()}


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("arraylogit", _arraylogit, "arraylogit", whole=True),
        Target("torch.special", _torch_special, "torch", ("torch",)),
        Target("torch.nn.functional", _torch_nn, "torch", ("torch",)),
        Target("jax.scipy.special", _jax_scipy, "jax", ("jax",)),
        Target("jax.nn", _jax_nn, "jax", ("jax",)),
        # Without its switch for the arrays of others, and with it: those of its documentation.
        Target(
            "scipy.special", partial(_scipy_special, "scipy.special._ufuncs"), "scipy", ("numpy",)
        ),
        Target(
            "scipy.special:array-api",
            partial(_scipy_special, "scipy.special"),
            "scipy",
            ("numpy", "dask", "torch", "jax", "cupy"),
        ),
        Target("cupyx.scipy.special", _cupyx_scipy, "cupy", ("cupy",)),
        Target("numpy-formula", _numpy_formula, "numpy", ("numpy",)),
    )
}
"""Those with adapters, installed or not."""


def register(target: Target) -> Target:
    """Add a target to those with adapters."""
    if target.name in TARGETS:
        raise ValueError(f"two targets are called {target.name}")
    TARGETS[target.name] = target
    return target


def target(name: str) -> Target:
    """Return the target of a name: one of `TARGETS`, ``module`` or ``module:function``.

    A module offers its functions of the names in `FUNCTIONS`. A single function computes the one
    whose name is part of its own, or the one that follows "=": ``module:sigmoid=expit``.
    """
    if name in TARGETS:
        return TARGETS[name]
    module, _, attribute = name.partition(":")
    ours = module.partition(".")[0] == "arraylogit"
    return Target(name, lambda: _named(module, attribute), module, whole=ours)


def _named(module: str, attribute: str) -> dict[str, Implementation]:
    there = import_module(module)
    if not attribute:
        found = {name: getattr(there, name) for name in FUNCTIONS if hasattr(there, name)}
        if not found:
            raise ValueError(f"{module} has none of {', '.join(FUNCTIONS)}")
        return {name: Implementation.of(f) for name, f in found.items()}
    path, _, computed = attribute.partition("=")
    f = reduce(getattr, path.split("."), there)
    # The longest, as log_expit contains expit.
    computed = computed or max((name for name in FUNCTIONS if name in path), key=len, default="")
    if computed not in FUNCTIONS:
        raise ValueError(
            f"{path} computes none of {', '.join(FUNCTIONS)} by its name: add "
            f"which, as in {module}:{path}=expit"
        )
    return {computed: Implementation.of(f)}


def guessed(target: Target) -> Target:
    """Return a target without an adapter as one for the libraries that its functions work on.

    The libraries imported with it are tried. A function works on a library if it returns an array
    of the library for one.
    """
    if target.name in TARGETS:
        return target
    functions = list(target.functions.values())
    libraries = {b.library: b for b in reversed(BACKENDS.values()) if b.module in sys.modules}
    found = tuple(n for n, b in libraries.items() if not b.missing() and _works(functions, b))
    if not found:
        raise ValueError(
            f"{target} works on none of the libraries that it imports "
            f"({', '.join(reversed(libraries))}): name a backend"
        )
    return replace(target, backends=found)


def choose(
    names: list[str] | list[dict[str, Callable[..., Any]]], backend: str, quick: bool
) -> tuple[list[Target], list[Backend]]:
    """Return targets and backends by their names; functions by what they compute are a target.

    Without names of backends, those that the targets work on; with `quick`, one for each library,
    or the first alone.
    """
    chosen = [target(name) if isinstance(name, str) else _mapped(name) for name in names]
    for of in chosen:
        if reason := of.missing():
            raise ValueError(f"target {of}: {reason}")
    limits = select(backend or ",".join(BACKENDS))
    if not backend:
        chosen = [guessed(of) for of in chosen]
    if quick:
        chosen = [_first(of, limits, each_library=bool(backend)) for of in chosen]
    return chosen, [b for b in limits if any(of.runs_on(b) for of in chosen)]


def _mapped(functions: dict[str, Callable[..., Any]]) -> Target:
    name = ", ".join(getattr(f, "__qualname__", repr(f)) for f in functions.values())
    return Target(name, lambda: {k: Implementation.of(f) for k, f in functions.items()}, "numpy")


def _first(target: Target, backends: list[Backend], each_library: bool) -> Target:
    there = [b for b in backends if target.runs_on(b) and b.missing() is None]
    found = {b.library: f"{b.name}:" for b in reversed(there)}
    chosen = tuple(found.values()) if each_library else tuple(f"{b.name}:" for b in there[:1])
    return replace(target, backends=chosen)


def _works(functions: list[Implementation], backend: Backend) -> bool:
    x = np.float32([-0.25, 0.25])
    try:
        with backend, np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
            return all(backend.is_array(f(backend.asarray(x))) for f in functions)
    except Exception:  # a function may raise anything for an array that it does not know
        return False


def resolve(target_name: str, function: str, backend_name: str) -> Callable[..., Any]:
    """Return a function of NumPy arrays, evaluated as a backend does; inside that backend.

    It is one of the target's, or the derivative of one, by reverse mode.
    """
    chosen = backend(backend_name)
    f = chosen.transform(target(target_name).functions[function.removesuffix("_derivative")])
    if function.endswith("_derivative"):
        return lambda x: chosen.to_numpy(chosen.derivative(f, chosen.asarray(x), 1, "reverse"))
    return lambda x: chosen.to_numpy(f(chosen.asarray(x)))
