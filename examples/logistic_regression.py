"""Bayesian logistic regression with labels that may be wrong, jitted in JAX.

    python examples/logistic_regression.py [--samples 1000] [--plot posterior.png]

On scikit-learn's breast-cancer data, with one label in ten replaced by a coin's. The model knows
that such labels exist, but not how many: with probability r, a label says nothing,

    P(y = 1) = r/2 + (1 - r) expit(x . beta),    r uniform on (0, 1),    beta normal.

The sampler moves in all of the real numbers, so it is given u = logit(r) in place of r. A density
transforms with the slope of the way back: log p(u) = log p(r(u)) + log |dr/du|, and the slope of
expit is r (1 - r), whose logarithm is expit_log_jacobian(u). Leave it out, and another prior is
meant, 1/(r (1 - r)), which is not even a distribution.

Everything is in logarithms, log r = log_expit(u) and log(1 - r) = log_expit(-u), so that neither a
chain that wanders off nor a confident prediction ends in log(0).
"""

import argparse
from functools import partial
from importlib import import_module

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from arraylogit import expit, expit_log_jacobian, log_expit, logit

SHARE = 0.1  # of the labels replaced
SCALE = 1.0  # of the prior of beta
STEPS, CHAINS = 24, 4


def data():
    """Return standardised features with a constant, and labels: to fit, and to judge by."""
    x, y = load_breast_cancer(return_X_y=True)
    x, held_x, y, held_y = train_test_split(x, y, test_size=0.5, random_state=0, stratify=y)
    scaler = StandardScaler().fit(x)
    x, held_x = (np.c_[np.ones(len(a)), scaler.transform(a)] for a in (x, held_x))
    rng = np.random.default_rng(0)
    noisy = np.where(rng.random(len(y)) < SHARE, rng.integers(0, 2, len(y)), y)
    return x, noisy, held_x, held_y


def log_density(state, x, y, jacobian=True):
    """Return the logarithm of the posterior density of u = logit(r) and beta."""
    u, beta = state[0], state[1:]
    log_r, log_1_r = log_expit(u), log_expit(-u)
    likelihood = jnp.logaddexp(log_r - jnp.log(2), log_1_r + log_expit((2 * y - 1) * (x @ beta)))
    prior = -(beta @ beta) / (2 * SCALE**2)
    return likelihood.sum() + prior + (expit_log_jacobian(u) if jacobian else 0.0)


@partial(jax.jit, static_argnames=("samples", "jacobian"))
def sample(key, start, x, y, samples, jacobian=True):
    """Return Hamiltonian Monte Carlo samples and how often a step was accepted.

    In the first half, which is thrown away, the size of the steps is adapted.
    """
    density = jax.value_and_grad(lambda state: log_density(state, x, y, jacobian))

    def leap(step, _, point):
        state, momentum, gradient, _ = point
        momentum = momentum + step / 2 * gradient
        state = state + step * momentum
        value, gradient = density(state)
        return state, momentum + step / 2 * gradient, gradient, value

    def move(carry, key):
        state, value, gradient, step, adapting = carry
        direction, choice, jitter = jax.random.split(key, 3)
        momentum = jax.random.normal(direction, state.shape)
        size = step * jax.random.uniform(jitter, minval=0.6, maxval=1.4)
        new = jax.lax.fori_loop(0, STEPS, partial(leap, size), (state, momentum, gradient, value))
        energy = new[3] - value - (new[1] @ new[1] - momentum @ momentum) / 2
        probability = jnp.where(jnp.isnan(energy), 0.0, jnp.exp(jnp.minimum(energy, 0.0)))
        accepted = jax.random.uniform(choice) < probability
        state, value, gradient = (
            jnp.where(accepted, a, b)
            for a, b in zip((new[0], new[3], new[2]), (state, value, gradient), strict=True)
        )
        step = jnp.where(adapting > 0, step * jnp.exp(0.05 * (probability - 0.8)), step)
        return (state, value, gradient, step, adapting - 1), (state, probability)

    value, gradient = density(start)
    carry = (start, value, gradient, jnp.asarray(0.05), samples)
    _, (states, probabilities) = jax.lax.scan(move, carry, jax.random.split(key, 2 * samples))
    return states[samples:], probabilities[samples:].mean()


def chains(x, y, samples, jacobian=True):
    """Return samples by chain from starts that are apart, and the mean acceptance."""
    keys = jax.random.split(jax.random.key(0), CHAINS)
    starts = 0.1 * jax.random.normal(jax.random.key(1), (CHAINS, 1 + x.shape[1]))
    starts = starts.at[:, 0].set(logit(jnp.linspace(0.05, 0.5, CHAINS)))
    run = jax.vmap(lambda key, start: sample(key, start, x, y, samples, jacobian))
    states, acceptance = run(keys, starts)
    return states, acceptance.mean()


def r_hat(draws):
    """Return how far the chains disagree, 1 for not at all (Gelman and Rubin)."""
    n = draws.shape[1]
    within = draws.var(axis=1, ddof=1).mean()
    return float(jnp.sqrt((n - 1) / n + draws.mean(axis=1).var(ddof=1) / within))


def scores(p, y):
    return -np.mean(np.log(np.where(y == 1, p, 1 - p))), np.mean((p > 0.5) == y)


def plot(path, prior, prior_without, r, plain, robust, y):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 4.4), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    bins = np.linspace(0, 1, 21)
    left.hist(prior, bins, density=True, color="tab:blue", alpha=0.7, label="with log-Jacobian")
    label = "without: not uniform"
    left.hist(prior_without, bins, density=True, histtype="step", color="tab:red", label=label)
    left.axhline(1, color="black", linestyle="--", label="meant: uniform")
    left.set(xlabel="r, share of labels that say nothing", ylabel="density")
    left.set_title("Before the data: what the sampler takes for the prior", fontsize=11)
    left.legend(loc="upper center")
    bins = np.linspace(0, 0.35, 71)
    middle.hist(r, bins, density=True, color="tab:blue", alpha=0.7, label="posterior")
    middle.axvline(SHARE, color="black", linestyle="--", label="share replaced")
    middle.set(xlabel="r, share of labels that say nothing")
    middle.set_title("After the data", fontsize=11)
    middle.legend()
    for label, marker in ((0, "v"), (1, "^")):
        points = y == label
        colour = ("tab:orange", "tab:green")[label]
        name = ("malignant", "benign")[label]
        right.plot(plain[points], robust[points], marker, c=colour, alpha=0.6, label=name)
    right.axline((0, 0), slope=1, color="0.6", linestyle="--")
    right.axhline(0, color="0.8", zorder=0)
    right.axvline(0, color="0.8", zorder=0)
    right.set(xlabel="log-odds, plain logistic regression", ylabel="log-odds, with r")
    right.set_title("Held-out patients, true labels", fontsize=11)
    right.legend()
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description="Bayesian logistic regression with doubt.")
    parser.add_argument("--samples", type=int, default=1000, help="of each of 4 chains")
    parser.add_argument("--plot", metavar="PNG", help="write the posterior to this file")
    args = parser.parse_args()
    if args.plot:
        import_module("matplotlib")
    jax.config.update("jax_enable_x64", True)

    x, y, held_x, held_y = data()
    states, acceptance = chains(x, y, args.samples)
    r = expit(states[..., 0])
    print(f"accepted {acceptance:.2f}, R-hat {r_hat(states[..., 0]):.3f}")
    low, middle, high = np.quantile(r, [0.05, 0.5, 0.95])
    print(f"r: {middle:.3f}, between {low:.3f} and {high:.3f} with 90% probability")
    # The mean of the probabilities, over the posterior.
    beta = states[..., 1:].reshape(-1, x.shape[1])
    robust = np.asarray(expit(held_x @ beta.T).mean(axis=1))
    model = LogisticRegression(C=SCALE**2, fit_intercept=False, max_iter=1000).fit(x, y)
    plain = model.predict_proba(held_x)[:, 1]
    print("          log-loss  accuracy")
    for name, p in ("plain", plain), ("with r", robust):
        loss, accuracy = scores(p, held_y)
        print(f"{name:<10}{loss:8.4f}{accuracy:10.3f}")
    if args.plot:
        nothing = x[:0, :1], y[:0]
        priors = (
            chains(*nothing, args.samples, jacobian)[0][..., 0] for jacobian in (True, False)
        )
        prior, prior_without = (np.ravel(expit(u)) for u in priors)
        plot(args.plot, prior, prior_without, np.ravel(r), logit(plain), logit(robust), held_y)


if __name__ == "__main__":
    main()
