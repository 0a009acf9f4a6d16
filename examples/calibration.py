"""Calibrate a classifier in log-odds, with the array library of your choice.

    python examples/calibration.py --backend numpy|torch|jax [--plot reliability.png]

Naive Bayes takes correlated features for independent evidence, so it is far too sure of itself:
on scikit-learn's breast-cancer data many of its probabilities are exactly 0 or 1. Platt scaling
fits a straight line in log-odds to such probabilities p,

    z = slope * logit(p, eps) + intercept,    calibrated probability = expit(z),

by minimising the log-loss. `eps` keeps the log-odds finite: an infinite one would make the
gradient NaN. All but the gradient is written once, for every library.

The data is split into two halves. In each, a line is fitted to out-of-fold probabilities of that
half, and applied to what a classifier trained on that half says of the other half. The scores
printed are those of the other halves: seen by neither the classifier nor the line.
"""

import argparse
from importlib import import_module

import numpy as np
from array_api_compat import array_namespace
from scipy.optimize import minimize
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.naive_bayes import GaussianNB

from arraylogit import expit, logit

# 1 - EPS is the largest float64 below 1. Float64 tells probabilities apart down to 1e-308 next to
# 0, but no finer than EPS next to 1: the clamp treats both ends alike.
EPS = 2.0**-53
IDENTITY = (1.0, 0.0)  # the line that changes nothing


# The model, for every library


def log_odds(line, p):
    slope, intercept = line
    return slope * logit(p, EPS) + intercept


def log_loss(z, y):
    # The probability of what happened is expit(z), or 1 - expit(z) = expit(-z): subtracting
    # from 1 would turn a confident mistake into log(0).
    xp = array_namespace(z)
    return -xp.mean(xp.log(expit((2 * y - 1) * z)))


def objective(line, p, y):
    return log_loss(log_odds(line, p), y)


# For each library: how to make an array, and the objective with its gradient by the line


def use_numpy():
    def value_and_gradient(line, p, y):
        z, sign = log_odds(line, p), 2 * y - 1
        residual = -sign * expit(-sign * z)  # expit(z) - y, without cancellation
        gradient = np.asarray([np.mean(residual * logit(p, EPS)), np.mean(residual)])
        return log_loss(z, y), gradient

    return np.asarray, value_and_gradient


def use_torch():
    import torch

    def value_and_gradient(line, p, y):
        line = line.detach().requires_grad_()
        value = objective(line, p, y)
        (gradient,) = torch.autograd.grad(value, line)
        return value.detach(), gradient

    return torch.asarray, value_and_gradient


def use_jax():
    import jax

    jax.config.update("jax_enable_x64", True)
    return jax.numpy.asarray, jax.jit(jax.value_and_grad(objective))


BACKENDS = {"numpy": use_numpy, "torch": use_torch, "jax": use_jax}


# The experiment


def shuffled(folds):
    return StratifiedKFold(folds, shuffle=True, random_state=0)


def halves():
    """Yield, twice: the probabilities of "benign" to fit a line to, truth, the others, truth."""
    features, y = load_breast_cancer(return_X_y=True)
    y = y.astype(np.float64)
    model = GaussianNB()
    for here, there in shuffled(2).split(features, y):
        x = features[here]
        p = cross_val_predict(model, x, y[here], cv=shuffled(10), method="predict_proba")
        q = model.fit(x, y[here]).predict_proba(features[there])
        yield p[:, 1], y[here], q[:, 1], y[there]


def fit(asarray, value_and_gradient, p, y):
    """Return the line of least log-loss, a convex problem."""
    p, y = asarray(p), asarray(y)

    def evaluate(line):
        value, gradient = value_and_gradient(asarray(line), p, y)
        return float(value), np.asarray(gradient)

    # At a gradient of 1e-8 further descent would drown in the rounding of the log-loss.
    result = minimize(evaluate, IDENTITY, jac=True, method="BFGS", options={"gtol": 1e-6})
    if not result.success:
        raise RuntimeError(f"the fit did not converge: {result.message}")
    return result.x


def reliability(p, y, bins=10):
    """Return size, mean probability and observed frequency of bins of equal size."""
    groups = np.array_split(np.argsort(p, stable=True), bins)
    return np.asarray([(len(each), p[each].mean(), y[each].mean()) for each in groups]).T


def calibration_error(p, y):
    size, claimed, observed = reliability(p, y)
    return size @ abs(claimed - observed) / len(p)


def run(asarray, value_and_gradient):
    """Print the results; return the truth, and the probabilities before and after."""
    rows = []
    for p, y, held_p, held_y in halves():
        line = fit(asarray, value_and_gradient, p, y)
        print(f"fitted line: slope {line[0]:.4f}, intercept {line[1]:+.4f}")
        rows.append((held_y, held_p, np.asarray(log_odds(asarray(line), asarray(held_p)))))
    y, p, calibrated = map(np.concatenate, zip(*rows, strict=True))
    print(f"{np.sum((p == 0) | (p == 1))} of {len(p)} probabilities are exactly 0 or 1")
    print("        log-loss  calibration error")
    results = {}
    for name, z in ("before", log_odds(IDENTITY, asarray(p))), ("after", asarray(calibrated)):
        q = results[name] = np.asarray(expit(z))
        print(f"{name:<6}{log_loss(z, asarray(y)):10.6f}{calibration_error(q, y):19.6f}")
    return y, results


def plot(path, y, results):
    """Draw reliability diagrams in log-odds: there the model is a line, and the tails show."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6.5), layout="constrained")
    figure.suptitle("Platt scaling of naive Bayes, held-out breast-cancer data")
    grid = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=(3, 1))
    # Each has an axis of its own: what the classifier claims reaches five times as far.
    styles = ("tab:red", 38, (1e-15, 1e-10, 1e-5)), ("tab:blue", 7, (0.01, 0.1))
    for (name, p), (color, limit, ticks), (top, bottom) in zip(
        results.items(), styles, grid.T, strict=True
    ):
        size, claimed, observed = reliability(p, y)
        hits, misses = size * observed + 0.5, size * (1 - observed) + 0.5  # never 0
        bar = np.sqrt(1 / hits + 1 / misses)  # one standard error, in log-odds
        top.axline((0, 0), slope=1, color="0.6", linestyle="--", label="perfectly calibrated")
        x, label = logit(claimed, EPS), f"mean of {size[0]:.0f} patients"
        top.errorbar(x, np.log(hits / misses), bar, fmt="o-", c=color, capsize=3, label=label)
        top.set(title=f"{name}: calibration error {calibration_error(p, y):.3f}")
        top.legend(loc="lower right")
        bottom.hist(logit(p, EPS), np.linspace(-limit, limit, 39), color=color, alpha=0.6)
        bottom.set(xlabel="probability of benign", xlim=(-limit, limit))
        places = -logit(ticks)
        names = [f"10{_raised(t)}" if t < 1e-3 else f"{t:g}" for t in ticks]
        above = [
            f"1−{name}" if t < 1e-3 else f"{1 - t:g}" for t, name in zip(ticks, names, strict=True)
        ]
        bottom.set_xticks([*-places, 0, *places], [*names, "0.5", *above])
    ticks = [0.01, 0.1, 0.5, 0.9, 0.99]
    grid[0, 0].set(ylabel="observed frequency of benign", ylim=(-7, 7))
    grid[0, 0].set_yticks(logit(ticks), ticks)
    grid[1, 0].set(ylabel="count", yscale="log")
    figure.savefig(path, dpi=150)


def _raised(x):
    return f"{np.log10(x):.0f}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def main():
    parser = argparse.ArgumentParser(description="Platt scaling with the array library named.")
    parser.add_argument("--backend", default="numpy", help=", ".join(BACKENDS))
    parser.add_argument("--plot", metavar="PNG", help="write a reliability diagram to this file")
    args = parser.parse_args()
    if args.backend not in BACKENDS:
        parser.exit(2, f"--backend must be one of {', '.join(BACKENDS)}, got {args.backend!r}\n")
    try:
        backend = BACKENDS[args.backend]()
        if args.plot:
            import_module("matplotlib")
    except ImportError as error:
        parser.exit(2, f"not installed: {error}\n")
    results = run(*backend)
    if args.plot:
        plot(args.plot, *results)


if __name__ == "__main__":
    main()
