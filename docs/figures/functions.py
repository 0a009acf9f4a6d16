"""Draw each function, and the errors of several implementations of it in float32.

    python -m docs.figures.functions [--points N] [docs/figures/functions]

An error is the largest in ULP, against the exact value, among neighbouring inputs: N at random,
and as many where formulas fail.
"""

import argparse
from pathlib import Path

import jax
import jax.scipy.special
import numpy as np
import scipy.special
import torch
from docs.figures.ulp_near_half import short

import arraylogit
from arraylogit.testing import inputs, measure, reference

BINS = 200
RANGES = {
    "logit": (0, 1),
    "expit": (-104, 20),
    "log_expit": (-20, 40),
    "logit_exp": (-3, 0),
    "logit_log_jacobian": (0, 1),
    "expit_log_jacobian": (-40, 40),
}
LARGEST = 1e9  # where larger errors are drawn, infinite ones too


def _textbook_expit(x):
    return 1 / (1 + np.exp(-x))


def _textbook_logit(x):
    return np.log(x / (1 - x))


def _textbook_expit_log_jacobian(x):
    y = _textbook_expit(x)
    return np.log(y * (1 - y))


TEXTBOOK = {
    "logit": _textbook_logit,
    "expit": _textbook_expit,
    "log_expit": lambda x: np.log(_textbook_expit(x)),
    "logit_exp": lambda x: _textbook_logit(np.exp(x)),
    "logit_log_jacobian": lambda x: -np.log(x * (1 - x)),
    "expit_log_jacobian": _textbook_expit_log_jacobian,
}
TORCH = {
    "logit": torch.logit,
    "expit": torch.sigmoid,
    "log_expit": torch.nn.functional.logsigmoid,
}
JAX = {
    "logit": jax.scipy.special.logit,
    "expit": jax.nn.sigmoid,
    "log_expit": jax.nn.log_sigmoid,
}


def implementations(name):
    """Return functions of NumPy arrays by label and style."""
    ours = getattr(arraylogit, name)
    found = {("textbook formula", "C3-"): TEXTBOOK[name]}
    if name in TORCH:
        theirs, jaxs, scipys = TORCH[name], JAX[name], getattr(scipy.special, name)
        found["torch", "C1--"] = lambda x: theirs(torch.from_numpy(x)).numpy()
        found["JAX", "C4:"] = lambda x: np.asarray(jaxs(x))
        found["SciPy", "C2-"] = scipys
    found["arraylogit on JAX", "C9-"] = lambda x: np.asarray(ours(jax.numpy.asarray(x)))
    found["arraylogit on NumPy, torch", "C0-"] = ours
    return found


def errors(name, points):
    """Return the centres of the bins, and the largest error in each by label and style."""
    edges = np.linspace(*RANGES[name], BINS + 1)
    low, high = RANGES[name]
    spread = np.random.default_rng(0).uniform(low, high, points).astype(np.float32)
    hard = inputs.structured(name, np.float32, points)
    normal = abs(hard) >= np.finfo(np.float32).tiny  # XLA takes others for 0
    x = np.sort(np.concatenate([spread, hard[(low <= hard) & (hard <= high) & normal]]))
    exact = reference.wide(name, x)
    starts = np.searchsorted(x, edges[:-1].astype(np.float32))
    found = {}
    with np.errstate(all="ignore"):
        for key, f in implementations(name).items():
            error = np.nan_to_num(measure.ulp_error(f(x), exact), nan=LARGEST, posinf=LARGEST)
            found[key] = np.maximum.reduceat(error, starts)
    return (edges[:-1] + edges[1:]) / 2, found


def plot(path, name, x, found):
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    low, high = RANGES[name]
    curve = np.linspace(low, high, 1001)[1:-1]
    with rc_context({"svg.hashsalt": "arraylogit", "font.size": 13}):
        figure = Figure(figsize=(7, 7), layout="constrained")
        above, below = figure.subplots(2, 1, height_ratios=(2, 3), sharex=True)
        above.plot(curve, reference.wide(name, curve.astype(np.float32)), "C0-")
        above.set(title=name, xlim=(low, high))
        for (label, style), error in found.items():
            largest = short(error.max()) if error.max() < LARGEST else "> 10⁹"
            drawn = np.clip(error, 0.1, LARGEST)
            below.plot(x, drawn, style, label=f"{label}: {largest}", linewidth=1.4)
        below.set(yscale="log", ylim=(0.1, 1e16), xlim=(low, high))
        below.set_yticks([1, 1e3, 1e6, 1e9])
        below.set(xlabel="x", title="error in ULP, float32")
        below.legend(
            title="the largest error", frameon=False, loc="upper right", fontsize=11, ncols=2
        )
        for axes in above, below:
            axes.grid(alpha=0.3)
            axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(path, metadata={"Date": None})


def main():
    parser = argparse.ArgumentParser(description="Draw each function and its errors.")
    parser.add_argument("folder", nargs="?", default="docs/figures/functions", type=Path)
    parser.add_argument("--points", type=int, default=500_000, help="inputs at random")
    args = parser.parse_args()
    args.folder.mkdir(exist_ok=True)
    for name in RANGES:
        x, found = errors(name, args.points)
        plot(args.folder / f"{name}.svg", name, x, found)
        for (label, _), error in found.items():
            print(f"{name:<20}{label:<28}{error.max():>14.3f}")


if __name__ == "__main__":
    main()
