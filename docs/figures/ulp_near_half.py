"""Draw the error of several logits next to 0.5, of every float32 there.

    python -m docs.figures.ulp_near_half [--points N] [docs/figures/ulp_near_half.svg]

Each curve is the largest error in ULP, against the exact value, among neighbouring floats. With
`--points` only that many floats are looked at.
"""

import argparse
from importlib.metadata import version

import jax
import jax.scipy.special
import numpy as np
import scipy.special
import torch

import arraylogit
from arraylogit.testing import inputs, measure, reference

LOW, HIGH = 0.4, 0.6
BINS = 300

LOGITS = {
    "torch.logit": lambda x: torch.logit(torch.from_numpy(x)).numpy(),
    "jax.scipy.special.logit": lambda x: np.asarray(jax.scipy.special.logit(x)),
    "scipy.special.logit": scipy.special.logit,
    "arraylogit on JAX": lambda x: np.asarray(arraylogit.logit(jax.numpy.asarray(x))),
    "arraylogit on NumPy and torch": arraylogit.logit,
}
STYLES = ("C3-", "C1--", "C2-", "C9-", "C0-")


def largest_errors(points=None):
    """Return the centres of the bins, and the largest error in each by name."""
    x = np.concatenate(list(inputs.floats(np.float32, LOW, HIGH)))
    if points:
        x = x[:: len(x) // points]
    exact = reference.wide("logit", x)
    edges = np.linspace(LOW, HIGH, BINS + 1)
    starts = np.unique(np.searchsorted(x, edges[:-1]))
    errors = {}
    for name, f in LOGITS.items():
        error = measure.ulp_error(f(x), exact)
        errors[name] = np.maximum.reduceat(error, starts)
        i = np.nanargmax(error)
        print(f"{name:<30} {error[i]:>12.3f} ULP at x = {x[i]!r}")
    return (edges[:-1] + edges[1:]) / 2, errors


def plot(path, x, errors):
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "arraylogit", "font.size": 13}):
        figure = Figure(figsize=(7, 5.6), layout="constrained")
        axes = figure.subplots()
        for (name, error), style in zip(errors.items(), STYLES, strict=True):
            axes.plot(x, error, style, label=f"{name}: {short(error.max())}", linewidth=1.6)
        axes.set(yscale="log", ylim=(0.2, 2e7), xlim=(LOW, HIGH))
        axes.set_xlabel("x")
        axes.set_ylabel("error of logit(x) in ULP, float32")
        axes.set_title("Largest error next to 0.5")
        figure.legend(
            title="the largest error of all",
            loc="outside lower center",
            frameon=False,
            fontsize=11,
            ncols=2,
        )
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})


def short(error):
    return f"{error:.3g}" if error < 1000 else f"{error:,.0f}"


def main():
    parser = argparse.ArgumentParser(description="Draw the error of several logits next to 0.5.")
    parser.add_argument("path", nargs="?", default="docs/figures/ulp_near_half.svg")
    parser.add_argument("--points", type=int, help="only that many floats")
    args = parser.parse_args()
    print(", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "torch", "jax")))
    plot(args.path, *largest_errors(args.points))


if __name__ == "__main__":
    main()
