"""The examples that train: what they print and draw, and the mathematics in them."""

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NUMBER = r"(-?\d+\.\d+)"


def _run(name, *arguments):
    command = [sys.executable, EXAMPLES / f"{name}.py", *map(str, arguments)]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    return process.stdout


def _colours(png):
    from matplotlib.image import imread

    pixels = np.round(255 * imread(png)[..., :3]).astype(int).reshape(-1, 3)
    return {tuple(pixel) for pixel in np.unique(pixels, axis=0).tolist()}


@pytest.fixture
def regression():
    jax = pytest.importorskip("jax")
    path = EXAMPLES / "logistic_regression.py"
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    with jax.enable_x64(True):
        yield module


def test_regression_finds_the_labels_replaced(tmp_path):
    pytest.importorskip("jax")
    png = tmp_path / "posterior.png"
    printed = _run("logistic_regression", "--samples", 200, "--plot", png)
    pattern = rf"""accepted {NUMBER}, R-hat {NUMBER}
r: {NUMBER}, between {NUMBER} and {NUMBER} with 90% probability
 +log-loss  accuracy
plain +{NUMBER} +{NUMBER}
with r +{NUMBER} +{NUMBER}
"""
    found = re.fullmatch(pattern, printed)
    assert found, printed
    accepted, r_hat, r, low, high, plain, right, robust, more = map(float, found.groups())
    assert 0.6 < accepted < 0.95
    assert r_hat < 1.1
    assert low < 0.1 < high
    assert low < r < high
    assert robust < 0.75 * plain
    assert more > right
    assert (214, 39, 40) in _colours(png)  # the outline of what the log-Jacobian is for


def test_without_data_the_posterior_is_the_uniform_prior(regression):
    import jax.numpy as jnp

    states, _ = regression.chains(jnp.zeros((0, 1)), jnp.zeros(0), 1500)
    r = np.ravel(regression.expit(states[..., 0]))
    np.testing.assert_allclose(np.quantile(r, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.05)


def test_log_jacobian_is_that_of_expit(regression):
    import mpmath

    nothing = np.zeros((0, 1)), np.zeros(0)
    for u in (-800.0, -40.0, -0.5, 0.0, 3.0, 40.0, 800.0):
        state = np.asarray([u, 0.0])
        got = regression.log_density(state, *nothing) - regression.log_density(
            state, *nothing, jacobian=False
        )
        with mpmath.workdps(800):
            t = mpmath.exp(-abs(mpmath.mpf(u)))
            exact = float(mpmath.log(t / (1 + t) ** 2))
        np.testing.assert_allclose(float(got), exact, rtol=1e-15)


def test_density_has_a_gradient_everywhere(regression):
    import jax

    x, y, _, _ = regression.data()
    for u in (-1e4, -800.0, 0.0, 800.0, 1e4):
        for beta in (0.0, 1e3):
            state = np.full(1 + x.shape[1], beta)
            state[0] = u
            value, gradient = jax.value_and_grad(regression.log_density)(state, x, y)
            assert np.isfinite(value)
            assert np.isfinite(gradient).all()


def test_saturation_is_survived_run_either_way(tmp_path):
    pytest.importorskip("torch")
    png = tmp_path / "saturation.png"
    lines = _run("saturation", "--steps", 60, "--plot", png).splitlines()
    results = {tuple(line[:27].split()): line[27:] for line in lines}
    assert len(results) == 4
    assert re.fullmatch(r"not finite at step \d+, with 0\.\d\d% saturated", lines[0][27:])
    finite = r"loss (0\.\d+) after 60 steps, [1-9]% saturated"
    losses = [
        float(re.fullmatch(finite, results["arraylogit.logit", how])[1])
        for how in ("eager", "compiled")
    ]
    assert max(losses) < 0.1
    assert abs(losses[0] - losses[1]) < 0.01
    assert {(214, 39, 40), (31, 119, 180)} <= _colours(png)
