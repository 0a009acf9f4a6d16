"""The examples that train: their output and plots, and the mathematics in them."""

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
NUMBER = r"(-?\d+\.\d+)"


def _shown(name):
    """Return the output of an example as the README shows it."""
    text = (EXAMPLES / "README.md").read_text("utf-8")
    command = rf"python examples/{name}\.py[^`]*\n```\n"
    return re.search(rf"{command}.*?\n```\n(.*?)```\n", text, re.DOTALL)[1]


def _agree(printed, shown):
    """Whether two texts differ in the last digits of numbers only."""
    number = re.compile(r"\d+(?:\.\d+)?")

    def close(a, b):
        last = 0.1 ** len(b.partition(".")[2])
        return abs(float(a) - float(b)) <= max(2.001 * last, 0.05 * float(b))

    pairs = list(zip(number.findall(printed), number.findall(shown), strict=False))
    same = " ".join(number.sub("#", printed).split()) == " ".join(number.sub("#", shown).split())
    return same and bool(pairs) and all(close(a, b) for a, b in pairs)


def test_numbers_that_disagree_are_noticed():
    assert _agree("loss 0.0259, 4% of it", "loss 0.0258, 5% of it")
    assert _agree("loss   12.1", "loss 12.3")
    for wrong in "loss 13.5", "loss 12.3%", "gain 12.3", "loss 12.3 1":
        assert not _agree(wrong, "loss 12.3")


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
    printed = _run("logistic_regression", "--plot", png)
    assert _agree(printed, _shown("logistic_regression")), printed
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
    assert r_hat < 1.01
    assert low < 0.1 < high
    assert low < r < high
    assert robust < 0.75 * plain
    assert more > right
    assert (214, 39, 40) in _colours(png)  # the outline that shows the need for the log-Jacobian


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
    printed = _run("saturation", "--plot", png)
    assert _agree(printed, _shown("saturation")), printed
    lines = printed.splitlines()
    results = {tuple(line[:27].split()): line[27:] for line in lines}
    assert len(results) == 4
    assert re.fullmatch(r"not finite at step \d+, with 0\.\d\d% saturated", lines[0][27:])
    finite = r"loss (0\.\d+) after 100 steps, [1-9]% saturated"
    losses = [
        float(re.fullmatch(finite, results["arraylogit.logit", how])[1])
        for how in ("eager", "compiled")
    ]
    assert max(losses) < 0.1
    assert abs(losses[0] - losses[1]) < 0.01
    assert {(214, 39, 40), (31, 119, 180)} <= _colours(png)


def test_pooling_keeps_the_labels_of_a_table():
    pd = pytest.importorskip("pandas")
    printed = _run("pooling")
    assert _agree(printed, _shown("pooling")), printed
    path = EXAMPLES / "pooling.py"
    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    index = ["first", "second", "third", "fourth"]
    p = pd.DataFrame({"a": [0, 0.5, 1, 0.3], "b": [1, 0.5, 1, 0.3]}, index=index)
    pooled = module.pool(p)  # with an eps of 1/4
    assert list(pooled.index) == index
    np.testing.assert_allclose(pooled, [0.5, 0.5, 0.75, 0.3], rtol=1e-15)
