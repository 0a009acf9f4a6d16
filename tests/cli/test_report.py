"""The report of the command line, and its self-check."""

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import jax
import mpmath
import numpy as np
import pytest

import arraylogit
from arraylogit import _expit, _log_expit, _logit, _logit_exp, special
from arraylogit.__main__ import main
from arraylogit._cli import _report, _selfcheck
from arraylogit._strategies._command_line import LIBRARIES
from arraylogit.testing import reference
from tests.cli.shell import run


def test_the_report_lists_what_is_installed_and_all_of_it_holds():
    done = run(JAX_ENABLE_X64="0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert max(map(len, done.stdout.splitlines())) <= 100
    listed, *checked = done.stdout.split("error (bound)")
    assert len(checked) == len(special.__all__)
    assert arraylogit.__version__ in listed
    for name, library in LIBRARIES.items():
        (line, *_) = [line for line in listed.splitlines() if line.startswith(name)]
        assert ("not installed" in line) is not library.installed()
        for table in checked:
            rows = [line.split() for line in table.splitlines() if line.startswith(name + " ")]
            if not library.installed() or not library.devices():
                assert not rows
                continue
            assert library.version() in line
            assert {row[-1] for row in rows} == {"ok"}
            if name == "jax":
                assert [row[2] for row in rows] == ["float16", "bfloat16", "float32"]
            else:
                assert {row[2] for row in rows} >= {"float32", "float64"}
    assert "(float64: set JAX_ENABLE_X64=1)" in listed
    assert "Self-check: all hold" in checked[-1]


@pytest.mark.parametrize("function", special.__all__)
def test_jax_float64_is_checked_where_it_is_on(function):
    library = LIBRARIES["jax"]
    with jax.enable_x64(True):
        assert library.remark() == ""
        assert "float64" in library.dtypes("cpu")
        measures = _selfcheck.check(function, library, "cpu", "float64")
    assert len(measures) >= 3
    assert [m for m in measures.values() if not m.holds] == []


@pytest.fixture
def only_numpy(monkeypatch):
    monkeypatch.setattr(_report, "LIBRARIES", {"numpy": LIBRARIES["numpy"]})
    return monkeypatch


def naive_logit(x, xp):
    return xp.log(x / (1 - x))


def tanh_expit(x, xp):
    return 0.5 + 0.5 * xp.tanh(x / 2)


def log_of_expit(x, xp):
    return xp.log(_expit._stepwise(x, xp))


def logit_of_exp(x, xp):
    return _logit._stepwise(xp.exp(x), xp)


def nan_at_a_point(x, xp):
    return xp.where(x == 0.2, xp.nan, _logit._stepwise(x, xp))


has_reference = pytest.mark.skipif(
    not _selfcheck.FORMATS["float64"].has_reference,
    reason="longdouble is float64 here: the report says that it measures no float64 errors",
)


@has_reference
@pytest.mark.parametrize(
    ("module", "record", "mutant", "complaint"),
    [
        (_logit, "LOGIT", {"stepwise": naive_logit}, "numpy cpu float64: logit: error is "),
        (_expit, "EXPIT", {"stepwise": tanh_expit}, "numpy cpu float64: expit: error is "),
        (
            _expit,
            "EXPIT",
            {"wide": tanh_expit},
            "numpy cpu float32: logit: round trip is ",
        ),
        (
            _logit,
            "LOGIT",
            {"stepwise": nan_at_a_point},
            "numpy cpu float64: logit: 1 of the documented",
        ),
        (_logit, "LOGIT", {"stepwise": lambda x, xp: [x]}, "numpy cpu float64: logit: "),
        (
            _log_expit,
            "LOG_EXPIT",
            {"stepwise": log_of_expit, "trusted": None},
            "numpy cpu float64: log_expit: error is ",
        ),
        (
            _logit_exp,
            "LOGIT_EXP",
            {"stepwise": logit_of_exp},
            "numpy cpu float64: logit_exp: error is ",
        ),
    ],
)
def test_the_check_fails_where_a_formula_is_wrong(
    only_numpy, capsys, module, record, mutant, complaint
):
    only_numpy.setattr(module, record, replace(getattr(module, record), **mutant))
    assert main([]) == 1
    printed = capsys.readouterr().out
    assert f"\nFAILED: {complaint}" in printed
    assert "Self-check: something failed" in printed


def test_the_check_fails_where_the_dtype_or_eps_is_wrong(only_numpy, capsys):
    only_numpy.setattr(special, "logit", lambda x, eps=None: arraylogit.logit(x))
    assert main([]) == 1
    complaint = "FAILED: numpy cpu float32: logit: 1 of the documented examples differ"
    assert complaint in capsys.readouterr().out

    only_numpy.setattr(special, "logit", lambda x, eps=None: arraylogit.logit(x.astype("f8")))
    assert main([]) == 1
    assert "FAILED: numpy cpu float16: logit: TypeError: " in capsys.readouterr().out


def test_the_check_fails_where_a_library_disagrees_with_numpy(only_numpy, capsys):
    class Inexact(type(LIBRARIES["numpy"])):
        name = "inexact"

        def get(self, y):
            return y * (1 + 2.0**-20)

    only_numpy.setitem(_report.LIBRARIES, "inexact", Inexact())
    assert main([]) == 1
    printed = capsys.readouterr().out
    for dtype in ("float32", "float64"):
        for function in special.__all__:
            row = f"inexact cpu {dtype}: {function}"
            assert f"FAILED: {row}: difference from NumPy is " in printed
    assert "FAILED: numpy" not in printed


def test_nan_is_the_largest_error():
    measure = _selfcheck._largest("logit", np.array([1.0, np.nan, 9.0]), 4.0, [1, 2, 3])
    assert not measure.holds
    assert measure.witness == 2


def test_a_library_that_cannot_be_imported_fails_the_check(only_numpy, capsys):
    class Broken(type(LIBRARIES["numpy"])):
        name = "broken"

        def version(self):
            raise OSError("libbroken.so:\ncannot open shared object file")

    only_numpy.setitem(_report.LIBRARIES, "broken", Broken())
    only_numpy.setitem(LIBRARIES, "broken", Broken())
    assert main([]) == 1
    printed = capsys.readouterr().out
    assert (
        "FAILED: broken is installed but cannot be used: OSError: libbroken.so: cannot" in printed
    )
    assert main(["logit", __file__, "--backend", "broken"]) == 2


def test_a_library_without_a_device_is_not_checked(only_numpy, capsys):
    class Deviceless(type(LIBRARIES["numpy"])):
        name = "deviceless"

        def devices(self):
            return []

    only_numpy.setitem(_report.LIBRARIES, "deviceless", Deviceless())
    assert main([]) == 0
    assert "no device, not checked" in capsys.readouterr().out


@pytest.mark.parametrize("dtype", _selfcheck.FORMATS)
def test_the_points_are_numbers_of_the_dtype_everywhere(dtype):
    number, p = _selfcheck.FORMATS[dtype], _selfcheck.probabilities(dtype)
    for function in special.__all__:
        x = _selfcheck.points(function, dtype).x
        assert np.array_equal(number.round(x), x)
        if dtype in ("float32", "float64"):
            assert len(x) > 150_000
    ulp = 2.0**-number.precision
    assert p.min() < 8 * 2.0**number.exponent
    assert p.max() == 1 - ulp
    assert {0.5 - ulp, 0.5 + 2 * ulp} <= set(p)


def test_the_report_says_where_it_cannot_measure(only_numpy, capsys):
    only_numpy.setattr(_selfcheck, "WIDE", np.float64)
    _selfcheck.points.cache_clear()
    try:
        assert main([]) == 0
    finally:
        _selfcheck.points.cache_clear()
    printed = capsys.readouterr().out
    assert "No type of this machine is wider than float64" in printed
    rows = [line.split() for line in printed.splitlines() if line.split()[2:3] == ["float64"]]
    assert [row[3] for row in rows] == ["-"] * len(special.__all__)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_the_ulp_is_the_spacing_of_numpy(dtype):
    x = np.abs(_selfcheck.points("expit", dtype).x).astype(dtype)
    x = np.append(x, np.asarray([0, np.finfo(dtype).smallest_subnormal], dtype))
    assert np.array_equal(_selfcheck.FORMATS[dtype].ulp(x.astype("f8")), np.spacing(x))


@has_reference
@pytest.mark.parametrize("function", special.__all__)
def test_the_reference_is_exact_to_a_hundredth_of_an_ulp(function):
    number, at = _selfcheck.FORMATS["float64"], _selfcheck.points(function, "float64")
    smallest = np.argsort(abs(at.exact))[:100]
    for i in {*smallest, *range(0, len(at.x), 1000)}:
        exact = reference.exact(function, at.x[i])
        with mpmath.workprec(300):
            assert abs(as_mpf(at.exact[i]) - exact) <= as_mpf(number.ulp(at.exact[i])) / 100


def as_mpf(wide):
    mantissa, exponent = np.frexp(wide)  # scaled, so that the low part cannot underflow
    high = float(mantissa)
    return mpmath.ldexp(mpmath.mpf(high) + mpmath.mpf(float(mantissa - high)), int(exponent))


def test_the_oldest_torch_allowed_tells_its_devices(monkeypatch):
    torch = pytest.importorskip("torch")

    def current_accelerator():  # takes no options before 2.7
        return torch.device("cuda")

    monkeypatch.setattr(torch.accelerator, "current_accelerator", current_accelerator)
    for there, devices in ((False, ["cpu"]), (True, ["cpu", "cuda"])):
        monkeypatch.setattr(torch.accelerator, "is_available", lambda there=there: there)
        assert LIBRARIES["torch"].devices() == devices


def test_importing_the_package_does_not_import_the_command_line():
    script = "import sys, arraylogit{}; print([m for m in sys.modules if '_cli' in m])"
    for command, expected in (("", False), (", arraylogit._cli._files", True)):
        done = subprocess.run(
            [sys.executable, "-c", script.format(command)], capture_output=True, text=True
        )
        assert ("arraylogit._cli" in done.stdout) is expected


def test_the_table_of_libraries_imports_none():
    script = (
        "import sys, arraylogit._strategies._command_line as i; "
        "[library.installed() for library in i.LIBRARIES.values()]; "
        "print(*({'torch', 'jax', 'dask', 'cupy', 'array_api_strict'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "")
    if find_spec("dask"):
        done = subprocess.run(
            [sys.executable, "-c", script.replace("import sys,", "import sys, dask,")],
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == "dask"
