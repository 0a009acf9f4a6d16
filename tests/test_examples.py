"""The examples, run as a user runs them, and the mathematics in them."""

import os
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[1] / "examples" / "calibration.py"
LIBRARIES = {"torch", "jax", "dask", "cupy", "array_api_strict"}
TAB_RED, TAB_BLUE = (214, 39, 40), (31, 119, 180)


def _needs(library):
    missing = find_spec(library) is None
    return pytest.param(
        library, marks=pytest.mark.skipif(missing, reason=f"{library} is not installed")
    )


AUTODIFF = [_needs("torch"), _needs("jax")]
BACKENDS = ["numpy", *AUTODIFF]


def _run(*arguments, flags=(), **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", *flags, SCRIPT, *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the script with a backend once; return its output, imports and plot."""
    done = {}

    def run(backend):
        if backend not in done:
            png = tmp_path_factory.mktemp(backend) / "reliability.png"
            process = _run("--backend", backend, "--plot", png, flags=["-X", "importtime"])
            assert process.returncode == 0, process.stderr
            imported = {line.rpartition("|")[2].strip() for line in process.stderr.splitlines()}
            done[backend] = process.stdout, imported, png
        return done[backend]

    return run


@pytest.fixture
def calibration():
    """Import the script as a module, and restore the settings of JAX afterwards."""
    spec = spec_from_file_location("calibration", SCRIPT)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if find_spec("jax") is None:
        yield module
    else:
        import jax

        x64 = jax.config.jax_enable_x64
        yield module
        jax.config.update("jax_enable_x64", x64)


@pytest.mark.parametrize("backend", BACKENDS)
def test_scores_improve_and_are_the_same_on_every_library(run, backend):
    printed, _, _ = run(backend)
    assert printed == run("numpy")[0]
    *_, before, after = (line.split() for line in printed.splitlines())
    assert (before.pop(0), after.pop(0)) == ("before", "after")
    assert [len(number.partition(".")[2]) for number in before + after] == [6] * 4
    (loss_before, error_before), (loss_after, error_after) = (
        map(float, scores) for scores in (before, after)
    )
    assert 0 < loss_after < loss_before / 2
    assert 0 < error_after < error_before


def test_readme_shows_what_is_printed(run):
    assert f"```\n{run('numpy')[0]}```" in SCRIPT.with_name("README.md").read_text("utf-8")


@pytest.mark.parametrize("backend", BACKENDS)
def test_only_the_library_asked_for_is_imported(run, backend):
    _, imported, _ = run(backend)
    assert "numpy" in imported  # so that an empty list cannot pass
    assert imported & LIBRARIES == {backend} - {"numpy"}


@pytest.mark.parametrize("backend", BACKENDS)
def test_plot_is_a_picture_of_both(run, backend):
    from matplotlib.image import imread

    _, _, png = run(backend)
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    pixels = np.round(255 * imread(png)[..., :3]).astype(int)
    assert pixels.shape == (975, 1500, 3)
    for color in TAB_RED, TAB_BLUE:  # of the lines drawn before and after
        assert np.sum(np.all(pixels == color, axis=-1)) > 500
    assert np.all(pixels[0] == 255)


def test_unknown_backend_is_one_line():
    process = _run("--backend", "mlx")
    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr == "--backend must be one of numpy, torch, jax, got 'mlx'\n"


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("torch", ["--backend", "torch"]),
        ("jax", ["--backend", "jax"]),
        ("matplotlib", ["--plot", "x.png"]),
    ],
)
def test_missing_library_is_one_line(calibration, monkeypatch, capsys, missing, arguments):
    monkeypatch.setitem(sys.modules, missing, None)  # an import of it fails
    monkeypatch.setattr(sys, "argv", [SCRIPT.name, *arguments])
    with pytest.raises(SystemExit, match="^2$"):
        calibration.main()
    message = f"import of {missing} halted; None in sys.modules"
    assert capsys.readouterr() == ("", f"not installed: {message}\n")


# Both ends, where the clamp holds, and values of every kind between them.
P = np.asarray([0.0, 1e-300, 1e-17, 1e-12, 0.2, 0.5 - 2**-40, 0.5, 0.9, 1 - 2**-52, 1.0] * 2)
Y = np.repeat([0.0, 1.0], 10)
LINE = np.asarray([0.3, -0.2])


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_by_the_line_is_that_of_finite_differences(calibration, backend):
    asarray, value_and_gradient = calibration.BACKENDS[backend]()
    value, gradient = value_and_gradient(*map(asarray, (LINE, P, Y)))

    line, p, y = (x.astype(np.longdouble) for x in (LINE, P, Y))
    steps = np.longdouble(1e-6) * np.eye(2)
    differences = [
        calibration.objective(line + step, p, y) - calibration.objective(line - step, p, y)
        for step in steps
    ]
    np.testing.assert_allclose(float(value), calibration.objective(line, p, y), rtol=1e-14)
    np.testing.assert_allclose(
        np.asarray(gradient), np.asarray(differences) / np.longdouble(2e-6), rtol=1e-8
    )


@pytest.mark.parametrize("backend", AUTODIFF)
def test_gradient_by_the_probabilities_is_the_closed_form(calibration, backend):
    asarray, _ = calibration.BACKENDS[backend]()
    line, p, y = map(asarray, (LINE, P, Y))
    if backend == "torch":
        p.requires_grad_()
        calibration.objective(line, p, y).backward()
        gradient = p.grad
    else:
        import jax

        gradient = jax.jit(jax.grad(calibration.objective, argnums=1))(line, p, y)

    inside = (P >= calibration.EPS) & (P <= 1 - calibration.EPS)
    clamped = np.clip(P, calibration.EPS, 1 - calibration.EPS)
    z = LINE[0] * (np.log(clamped) - np.log1p(-clamped)) + LINE[1]
    residual = np.where(Y == 1, -1 / (1 + np.exp(z)), 1 / (1 + np.exp(-z)))
    expected = np.where(inside, residual * LINE[0] / (clamped * (1 - clamped)) / len(P), 0)
    np.testing.assert_allclose(np.asarray(gradient), expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
def test_without_eps_the_gradient_is_nan(calibration, monkeypatch, backend):
    monkeypatch.setattr(calibration, "EPS", None)
    asarray, value_and_gradient = calibration.BACKENDS[backend]()
    p, y = asarray(np.asarray([0.0, 0.5, 1.0])), asarray(np.asarray([0.0, 1.0, 1.0]))
    with np.errstate(invalid="ignore"):  # 0 * inf
        _, gradient = value_and_gradient(asarray(LINE), p, y)
    assert np.isnan(np.asarray(gradient)[0])


def test_fit_is_logistic_regression_on_log_odds(calibration):
    from sklearn.linear_model import LogisticRegression

    for p, y, _, _ in calibration.halves():
        line = calibration.fit(*calibration.use_numpy(), p, y)
        peer = LogisticRegression(C=np.inf, tol=1e-10, solver="newton-cholesky")
        peer.fit(calibration.logit(p, calibration.EPS)[:, None], y)
        np.testing.assert_allclose(
            line, [peer.coef_.item(), peer.intercept_.item()], rtol=0, atol=1e-5
        )


def test_scores_are_those_of_the_definitions(calibration):
    from sklearn.metrics import log_loss

    z = np.asarray([-3.0, 2.0, 0.5, -700.0, 700.0])
    y = np.asarray([0.0, 1.0, 0.0, 1.0, 0.0])
    # The confident mistakes cost 700 each; scikit-learn clips them, so it is not asked.
    expected = (3 * log_loss(y[:3], 1 / (1 + np.exp(-z[:3]))) + 2 * 700) / 5
    np.testing.assert_allclose(calibration.log_loss(z, y), expected, rtol=1e-14)

    y = np.tile([0.0] * 3 + [1.0] * 7, 20)
    assert calibration.calibration_error(y, y) == 0
    assert calibration.calibration_error(1 - y, y) == 1
    np.testing.assert_allclose(calibration.calibration_error(np.full(200, 0.5), y), 0.2)
