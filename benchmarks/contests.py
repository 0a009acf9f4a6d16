"""The contests: for a library, function, dtype, size and case, ours against its peers.

Each contestant is a call without arguments that returns when the result is there. All of a
contest read the same input, which lies inside the domain.
"""

import importlib.util
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

import arraylogit

OURS = "arraylogit"
FUNCTIONS = tuple(arraylogit.special.__all__)
DTYPES = ("float16", "bfloat16", "float32", "float64")
CASES = ("plain", "strided", "eps", "out", "gradient", "threads")
EPS = 1e-6
THREADS = 2

Calls = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Contest:
    """One line of the results, before it is measured."""

    library: str
    function: str
    dtype: str
    size: int
    case: str

    def calls(self) -> Calls:
        """Return the contestants by name, ours first; none where the library lacks the case."""
        return LIBRARIES[self.library](self)

    def context(self) -> Any:
        """Return what the library needs for the dtype, or the case."""
        if self.case == "threads":
            return arraylogit.engine("numba", THREADS)
        if self.library.endswith("-engine"):
            return arraylogit.engine("numba")
        if self.library.startswith("jax") and self.dtype == "float64":
            import jax

            return jax.enable_x64(True)
        return nullcontext()

    @property
    def primitive(self) -> str:
        """The name of a function that ours cannot do without."""
        return "log" if self.function.startswith("logit") else "exp"

    def ours(self) -> Callable[..., Any]:
        """Return the function measured, with `eps` where the case has it."""
        function = getattr(arraylogit, self.function)
        return (lambda x, **o: function(x, EPS, **o)) if self.case == "eps" else function

    def values(self) -> np.ndarray:
        """Return the input, in float32 for dtypes that NumPy lacks."""
        u = np.random.default_rng(0).random(self.size * (2 if self.case == "strided" else 1))
        u = {
            "logit": lambda: 0.001 + 0.998 * u,
            "expit": lambda: 16 * u - 8,
            "log_expit": lambda: 16 * u - 8,
            "logit_exp": lambda: -0.001 - 8 * u,
            "logit_log_jacobian": lambda: 0.001 + 0.998 * u,
            "expit_log_jacobian": lambda: 16 * u - 8,
        }[self.function]()
        return u.astype("float32" if self.dtype == "bfloat16" else self.dtype)


def contests(
    libraries: list[str],
    functions: list[str],
    dtypes: list[str],
    sizes: list[int],
    cases: list[str],
) -> Iterator[Contest]:
    """Yield the combinations that mean something."""
    for library, function, dtype, size, case in product(
        libraries, functions, dtypes, sizes, cases
    ):
        if (case == "eps" and function != "logit") or (
            case == "threads" and library != "numpy-engine"
        ):
            continue
        yield Contest(library, function, dtype, size, case)


def formulas(xp: Any, minimum: Callable[[Any], Any], clip: Callable[..., Any]) -> dict[str, Any]:
    """Return the formula that a user would write for each function."""
    return {
        "logit": lambda x: xp.log(x / (1 - x)),
        "expit": lambda x: 1 / (1 + xp.exp(-x)),
        "log_expit": lambda x: minimum(x) - xp.log1p(xp.exp(-xp.abs(x))),
        "logit_exp": lambda x: x - xp.log(-xp.expm1(x)),
        "logit_log_jacobian": lambda x: -xp.log(x) - xp.log1p(-x),
        "expit_log_jacobian": lambda x: -xp.abs(x) - 2 * xp.log1p(xp.exp(-xp.abs(x))),
        "eps": lambda x: formulas(xp, minimum, clip)["logit"](clip(x, EPS, 1 - EPS)),
    }


def _numpy(contest: Contest) -> Calls:
    if contest.case == "gradient":
        return {}
    x = contest.values()
    if contest.dtype == "bfloat16":
        import ml_dtypes

        x = x.astype(ml_dtypes.bfloat16)
    x = x[::2] if contest.case == "strided" else x
    out = np.empty_like(x)
    key = "eps" if contest.case == "eps" else contest.function
    formula = formulas(np, lambda x: np.minimum(x, 0), np.clip)[key]
    options = {"out": out} if contest.case == "out" else {}
    ours = contest.ours()
    calls: Calls = {OURS: lambda: ours(x, **options)}
    if contest.case == "threads":

        def on_one_thread() -> Any:
            with arraylogit.engine("numba"):
                return ours(x)

        calls["one thread"] = on_one_thread
    if importlib.util.find_spec("scipy") and contest.dtype in ("float32", "float64"):
        from scipy import special

        if contest.function == "logit_exp":
            calls["scipy"] = lambda: special.logit(np.exp(x), **options)
        elif contest.case == "eps":
            calls["scipy"] = lambda: special.logit(np.clip(x, EPS, 1 - EPS))
        elif scipy := getattr(special, contest.function, None):
            calls["scipy"] = lambda: scipy(x, **options)
    if contest.case != "out":
        calls["formula"] = lambda: formula(x)
    if (
        importlib.util.find_spec("numexpr")
        and contest.function == "logit"
        and contest.case in ("plain", "threads")
        and contest.dtype in ("float32", "float64")
    ):
        import numexpr

        numexpr.set_num_threads(THREADS if contest.case == "threads" else 1)
        calls["numexpr"] = lambda: numexpr.evaluate("log(x / (1 - x))", {"x": x})
    if contest.case in ("plain", "out"):
        one = getattr(np, contest.primitive)
        calls["copy"] = lambda: np.copyto(out, x)
        calls[f"one {contest.primitive}"] = lambda: one(x, out=out)
    return calls


def _torch(contest: Contest, device: str = "cpu", compiled: bool = False) -> Calls:
    import torch

    needs_gradient = contest.case == "gradient"
    x = torch.from_numpy(contest.values()).to(device, getattr(torch, contest.dtype))
    x = x[::2] if contest.case == "strided" else x
    given = torch.rand_like(x)
    out = torch.empty_like(x)
    leaf = x.clone().requires_grad_() if needs_gradient else x
    key = "eps" if contest.case == "eps" else contest.function
    formula = formulas(torch, lambda x: torch.clamp(x, max=0), torch.clamp)[key]
    theirs = {
        "logit": torch.logit,
        "expit": torch.sigmoid,
        "log_expit": torch.nn.functional.logsigmoid,
        "eps": lambda x: torch.logit(x, EPS),
    }.get(key)
    ours = contest.ours()

    def call(f: Any) -> Callable[[], Any]:
        def run() -> Any:
            if needs_gradient:
                result = torch.autograd.grad(f(leaf), leaf, given)
            elif contest.case == "out":
                result = f(x, out=out)
            else:
                result = f(x)
            if device == "cuda":
                torch.cuda.synchronize()
            return result

        return run

    if compiled:
        if contest.case == "out":
            return {}
        torch._dynamo.reset()
        calls = {OURS: call(torch.compile(ours)), "formula": call(torch.compile(formula))}
        if theirs:
            calls |= {"torch": call(torch.compile(theirs)), "torch, eager": call(theirs)}
        return calls
    calls = {OURS: call(ours)}
    if theirs and not (contest.case == "out" and contest.function == "log_expit"):
        calls["torch"] = call(theirs)
    if contest.case != "out":
        calls["formula"] = call(formula)
    if contest.case == "plain":
        one = getattr(torch, contest.primitive)
        calls["copy"] = call(lambda x: out.copy_(x))
        calls[f"one {contest.primitive}"] = call(lambda x: one(x, out=out))
    return calls


def _jax(contest: Contest, jitted: bool = False) -> Calls:
    if contest.case == "out" or (contest.case == "gradient" and not jitted):
        return {}
    import jax
    from jax import numpy as jnp

    x = jnp.asarray(contest.values()).astype(contest.dtype)
    if contest.case == "strided":
        return {}  # JAX arrays have no strides
    key = "eps" if contest.case == "eps" else contest.function
    formula = formulas(jnp, lambda x: jnp.minimum(x, 0), jnp.clip)[key]
    theirs = {
        "logit": jax.scipy.special.logit,
        "expit": jax.nn.sigmoid,
        "log_expit": jax.nn.log_sigmoid,
        "eps": lambda x: jax.scipy.special.logit(jnp.clip(x, EPS, 1 - EPS)),
    }.get(key)

    def call(f: Any) -> Callable[[], Any]:
        if contest.case == "gradient":
            f = jax.grad(lambda x, g=f: jnp.sum(g(x)))
        f = jax.jit(f) if jitted else f
        return lambda: f(x).block_until_ready()

    calls = {OURS: call(contest.ours())}
    if theirs:
        calls["jax"] = call(theirs)
    if jitted:
        calls["formula"] = call(formula)
    else:
        bare = jax.jit(formula)
        calls["formula, jitted"] = lambda: bare(x).block_until_ready()
    return calls


def _cupy(contest: Contest) -> Calls:
    if contest.case == "gradient" or contest.dtype == "bfloat16":
        return {}
    import cupy
    from cupyx.scipy import special

    x = cupy.asarray(contest.values())
    x = x[::2] if contest.case == "strided" else x
    out = cupy.empty_like(x)
    key = "eps" if contest.case == "eps" else contest.function
    formula = formulas(cupy, lambda x: cupy.minimum(x, 0), cupy.clip)[key]
    theirs = getattr(special, contest.function, None) if key != "eps" else None
    ours = contest.ours()
    options = {"out": out} if contest.case == "out" else {}

    def call(f: Any, **options: Any) -> Callable[[], Any]:
        def run() -> Any:
            result = f(x, **options)
            cupy.cuda.get_current_stream().synchronize()
            return result

        return run

    calls = {OURS: call(ours, **options), "formula": call(formula)}
    if theirs:
        calls["cupy"] = call(theirs, **options)
    calls["copy"] = call(lambda x: cupy.copyto(out, x))
    return calls


LIBRARIES: dict[str, Callable[[Contest], Calls]] = {
    "numpy": _numpy,
    "numpy-engine": _numpy,
    "torch": _torch,
    "torch-engine": _torch,
    "torch-compiled": lambda contest: _torch(contest, compiled=True),
    "jax": _jax,
    "jax-jitted": lambda contest: _jax(contest, jitted=True),
    "torch-cuda": lambda contest: _torch(contest, "cuda"),
    "torch-cuda-compiled": lambda contest: _torch(contest, "cuda", compiled=True),
    "cupy": _cupy,
}


def available() -> list[str]:
    """Return the libraries that can run here."""
    found = [
        name
        for name in LIBRARIES
        if importlib.util.find_spec(name.partition("-")[0])
        and "cuda" not in name
        and not ("engine" in name and importlib.util.find_spec("numba") is None)
    ]
    if "torch" in found:
        import torch

        if torch.cuda.is_available():
            found += [name for name in LIBRARIES if "cuda" in name]
    return found
