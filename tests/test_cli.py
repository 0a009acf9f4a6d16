"""The command line: the report and its self-check, and the functions of files."""

import os
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
from arraylogit._cli import _files, _report, _selfcheck
from arraylogit._strategies._installed import LIBRARIES
from arraylogit.testing import reference

INSTALLED = [name for name, library in LIBRARIES.items() if library.installed()]


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "arraylogit", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )


# The report


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
    return xp.log(_expit._formula(x, xp))


def logit_of_exp(x, xp):
    return _logit._formula(xp.exp(x), xp)


def nan_at_a_point(x, xp):
    return xp.where(x == 0.2, xp.nan, _logit._formula(x, xp))


has_reference = pytest.mark.skipif(
    not _selfcheck.FORMATS["float64"].has_reference,
    reason="longdouble is float64 here: the report says that it measures no float64 errors",
)


@has_reference
@pytest.mark.parametrize(
    ("module", "record", "mutant", "complaint"),
    [
        (_logit, "_LOGIT", {"eager_formula": naive_logit}, "numpy cpu float64: logit: error is "),
        (_expit, "_EXPIT", {"eager_formula": tanh_expit}, "numpy cpu float64: expit: error is "),
        (
            _expit,
            "_EXPIT",
            {"wide_formula": tanh_expit},
            "numpy cpu float32: logit: round trip is ",
        ),
        (
            _logit,
            "_LOGIT",
            {"eager_formula": nan_at_a_point},
            "numpy cpu float64: logit: 1 of the documented",
        ),
        (_logit, "_LOGIT", {"eager_formula": lambda x, xp: [x]}, "numpy cpu float64: logit: "),
        (
            _log_expit,
            "_LOG_EXPIT",
            {"eager_formula": log_of_expit},
            "numpy cpu float64: log_expit: error is ",
        ),
        (
            _logit_exp,
            "_LOGIT_EXP",
            {"eager_formula": logit_of_exp},
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


# Functions of files


@pytest.fixture
def probs(tmp_path):
    path = tmp_path / "probs.npy"
    np.save(path, np.random.default_rng(0).uniform(size=(6, 7)))
    return path


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(_files, "BLOCK", 5)


def test_there_and_back_from_the_shell(probs, tmp_path):
    done = run("logit", probs)
    assert (done.returncode, done.stderr) == (0, "")
    logits = tmp_path / "probs.logit.npy"
    assert done.stdout.startswith(f"wrote {logits}: float64, shape (6, 7), 42 elements in ")
    assert done.stdout.count("\n") == 1
    done = run("expit", logits, "--out", tmp_path / "back.npy")
    assert (done.returncode, done.stderr) == (0, "")
    p = np.load(probs)
    assert np.array_equal(np.load(logits), arraylogit.logit(p))
    np.testing.assert_allclose(np.load(tmp_path / "back.npy"), p, rtol=1e-14)

    done = run("logit", probs, "--eps", "0.7")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "arraylogit: logit: `eps` must be in [0, 0.5], got 0.7\n"


MATRIX = np.linspace(0, 1, 24).reshape(4, 6)


@pytest.mark.parametrize("function", special.__all__)
@pytest.mark.parametrize(
    "x",
    [
        MATRIX,
        np.asfortranarray(MATRIX),
        np.asfortranarray(MATRIX.reshape(2, 3, 4).astype("float32")),
        MATRIX.astype("float16"),
        MATRIX.astype(np.longdouble),
        MATRIX.astype(">f8"),
        np.array(0.25),
        np.empty((0, 3), "float32"),
        np.array([False, True]),
        np.array([[0, 1], [1, 0]], "uint8"),
        np.array([0.25, -0.0, 1, 2, -np.inf, np.nan, 5e-324]),
    ],
    ids=lambda x: f"{x.dtype}-{x.shape}-{'F' if x.flags.fnc else 'C'}",
)
@pytest.mark.usefixtures("small_blocks")
def test_any_shape_dtype_and_order(tmp_path, function, x):
    np.save(tmp_path / "x.npy", x)
    assert main([function, str(tmp_path / "x.npy")]) == 0
    y = np.load(tmp_path / f"x.{function}.npy")
    expected = np.asarray(getattr(arraylogit, function)(x))
    assert y.dtype == expected.dtype
    assert y.flags.fnc == x.flags.fnc
    np.testing.assert_array_equal(y, expected, strict=True)
    assert len(list(tmp_path.iterdir())) == 2


HAS_NO_FLOAT16 = {"array-api-strict"}  # refused: see the errors


@pytest.mark.parametrize(
    ("backend", "dtype", "x64"),
    [
        (backend, dtype, x64)
        for backend in INSTALLED
        for dtype in ("float16", "float32", "float64", "int64")
        for x64 in ((False, True) if backend == "jax" else (False,))
        if dtype != "float16" or backend not in HAS_NO_FLOAT16
    ],
)
@pytest.mark.usefixtures("small_blocks")
def test_a_backend_computes_in_the_dtype_that_numpy_would(tmp_path, backend, dtype, x64):
    np.save(tmp_path / "x.npy", MATRIX.astype(dtype))
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", x64)
    try:
        assert main(["logit", str(tmp_path / "x.npy"), "--backend", backend, "--eps", "0.01"]) == 0
        assert jax.config.jax_enable_x64 is x64
    finally:
        jax.config.update("jax_enable_x64", before)
    y = np.load(tmp_path / "x.logit.npy")
    expected = arraylogit.logit(MATRIX.astype(dtype), eps=0.01)
    assert y.dtype == expected.dtype
    np.testing.assert_array_max_ulp(y, expected, 4)


def test_eps_is_used(probs):
    assert main(["logit", str(probs), "--eps", "0.4"]) == 0
    y = np.load(probs.with_name("probs.logit.npy"))
    assert np.array_equal(y, arraylogit.logit(np.load(probs), eps=0.4))


def test_the_output_may_be_the_input_or_another_file(probs):
    p = np.load(probs)
    for target in (probs.with_name("other"), probs):
        target.touch()
        assert main(["logit", str(probs), "--out", str(target)]) == 0
        assert np.array_equal(np.load(target), arraylogit.logit(p))
    assert {path.name for path in probs.parent.iterdir()} == {"probs.npy", "other"}


def test_only_the_suffix_of_npy_files_is_replaced(tmp_path):
    for name in ("a.b.npy", "c.d"):
        with (tmp_path / name).open("wb") as file:
            np.save(file, MATRIX)
        assert main(["expit", str(tmp_path / name)]) == 0
    assert {path.name for path in tmp_path.glob("*.expit.npy")} == {
        "a.b.expit.npy",
        "c.d.expit.npy",
    }


def _saved(value, **options):
    def write(path):
        np.save(path, value, **options)

    return write


def _truncated(path):
    np.save(path, MATRIX)
    os.truncate(path, path.stat().st_size - 1)


def _damaged(path):
    np.save(path, MATRIX)
    content = bytearray(path.read_bytes())
    content[content.index(b"}")] = ord("]")
    path.write_bytes(content)


def _archive(path):
    with path.open("wb") as file:
        np.savez(file, MATRIX)


BAD_FILES = {
    "missing": (lambda path: path.unlink(missing_ok=True), "cannot read"),
    "directory": (lambda path: path.mkdir(), "cannot read"),
    "empty": (lambda path: path.touch(), "not a complete .npy file"),
    "text": (lambda path: path.write_text("0.2, 0.5, 0.8"), "not a complete .npy file"),
    "archive": (_archive, "not a complete .npy file"),
    "truncated": (_truncated, "not a complete .npy file"),
    "damaged": (_damaged, "not a complete .npy file"),
    "pickled": (_saved(np.array([None, 0.5]), allow_pickle=True), "not a complete .npy file"),
    "complex": (_saved(np.array([0.5j])), "must hold booleans, integers or real"),
    "string": (_saved(np.array(["0.5"])), "must hold booleans, integers or real"),
    "record": (_saved(np.zeros(2, "f4,f4")), "must hold booleans, integers or real"),
}


def _fails_with_one_line(arguments, capsys):
    assert main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("arraylogit: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_gets_one_line_and_leaves_the_output_alone(tmp_path, capsys, case):
    write, complaint = BAD_FILES[case]
    source, target = tmp_path / "bad.npy", tmp_path / "bad.logit.npy"
    write(source)
    target.write_text("mine")
    before = sorted(tmp_path.iterdir())
    assert complaint in _fails_with_one_line(["logit", source], capsys)
    assert sorted(tmp_path.iterdir()) == before
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--eps", "-0.1"], "`eps` must be in [0, 0.5], got -0.1"),
        (["--eps", "nan"], "`eps` must be in [0, 0.5], got nan"),
        (["--eps", "0.51"], "`eps` must be in [0, 0.5], got 0.51"),
        (["--backend", "numpi"], "--backend must be one of numpy, torch, jax"),
        (["--out", "none/x.npy"], "cannot write none/x.npy: No such file or directory"),
        (["--out", "file/x.npy"], "cannot write file/x.npy: Not a directory"),
        (["--out", "."], "cannot write .: it is a directory"),
    ],
)
def test_a_bad_option_gets_one_line(probs, capsys, monkeypatch, options, complaint):
    monkeypatch.chdir(probs.parent)
    probs.with_name("file").touch()
    before = sorted(probs.parent.iterdir())
    assert complaint in _fails_with_one_line(["logit", probs, *options], capsys)
    assert sorted(probs.parent.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_what_may_not_be_read_or_written_gets_one_line(probs, capsys):
    probs.parent.chmod(0o500)
    assert "cannot write" in _fails_with_one_line(["logit", probs], capsys)
    probs.chmod(0)
    assert "cannot read" in _fails_with_one_line(["logit", probs], capsys)
    probs.parent.chmod(0o700)


def test_a_backend_that_is_not_installed_gets_one_line(probs, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    error = _fails_with_one_line(["logit", probs, "--backend", "torch"], capsys)
    assert error == "arraylogit: --backend torch is not installed\n"


@pytest.mark.parametrize("backend", sorted(set(INSTALLED) - {"numpy", "dask"}))
def test_a_dtype_that_a_backend_lacks_gets_one_line(tmp_path, capsys, backend):
    x = MATRIX.astype("float16" if backend in HAS_NO_FLOAT16 else np.longdouble)
    if x.dtype == np.float64:
        pytest.skip("longdouble is float64 here")
    np.save(tmp_path / "x.npy", x)
    error = _fails_with_one_line(["logit", tmp_path / "x.npy", "--backend", backend], capsys)
    assert f"--backend {backend} has no {x.dtype}" in error
    assert len(list(tmp_path.iterdir())) == 1


def test_usage_errors_exit_with_2(probs, capsys):
    for arguments in (["logit"], ["expit", str(probs), "--eps", "0.1"], ["tanh", str(probs)]):
        with pytest.raises(SystemExit) as info:
            main(arguments)
        assert info.value.code == 2


def failing_at_the_third_block(error):
    original, blocks = arraylogit.logit, []

    def logit(block):
        blocks.append(block)
        if len(blocks) == 4:  # the first call is the trial with no elements
            raise error
        return original(block)

    return logit


@pytest.mark.parametrize(
    ("error", "status"), [(OSError(28, "No space left on device"), 2), (KeyboardInterrupt(), 130)]
)
@pytest.mark.parametrize("name", ["probs.logit.npy", "probs.npy"])
@pytest.mark.usefixtures("small_blocks")
def test_a_failure_in_the_middle_leaves_nothing(probs, monkeypatch, capsys, error, status, name):
    target = probs.with_name(name)
    if target != probs:
        target.write_text("mine")
    content = target.read_bytes()
    before = sorted(probs.parent.iterdir())
    monkeypatch.setattr(arraylogit, "logit", failing_at_the_third_block(error))
    assert main(["logit", str(probs), "--out", str(target)]) == status
    assert capsys.readouterr().err.count("\n") == 1
    assert sorted(probs.parent.iterdir()) == before
    assert target.read_bytes() == content


@pytest.mark.usefixtures("small_blocks")
def test_an_unforeseen_error_leaves_nothing_either(probs, monkeypatch):
    logit = arraylogit.logit
    monkeypatch.setattr(arraylogit, "logit", lambda x: logit(x) if not x.size else 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["logit", str(probs)])
    assert list(probs.parent.iterdir()) == [probs]


@pytest.mark.usefixtures("small_blocks")
def test_a_file_cut_short_meanwhile_gets_one_line(probs, capsys, monkeypatch):
    def logit(block):
        if block.size:
            os.truncate(probs, 200)
        return np.zeros_like(block)

    monkeypatch.setattr(arraylogit, "logit", logit)
    assert "cannot read" in _fails_with_one_line(["logit", probs], capsys)
    assert list(probs.parent.iterdir()) == [probs]


@pytest.mark.usefixtures("small_blocks")
def test_progress_is_shown_on_a_terminal_that_waits_for_long(probs, monkeypatch):
    tqdm = pytest.importorskip("tqdm")
    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, **options):
            bars.append((self, options))
            super().__init__(**options)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["logit", str(probs)]) == 0
    ((bar, options),) = bars
    assert (bar.n, bar.total) == (42, 42)
    assert options["delay"] >= 1
    assert options["disable"] is None  # off where it is no terminal


def test_tqdm_is_optional(probs, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["logit", str(probs)]) == 0
    assert probs.with_name("probs.logit.npy").exists()


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the peak is read from Linux")
def test_a_large_file_needs_little_memory(tmp_path):
    source = tmp_path / "large.npy"
    np.lib.format.open_memmap(source, mode="w+", dtype="float64", shape=(2**24,))
    script = f"""
import re
from arraylogit.__main__ import main
from arraylogit._cli import _files

def peak():
    with open("/proc/self/status") as status:
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) * 1024

before = peak()
main(["logit", {str(source)!r}])
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    needed = int(done.stdout.split()[-1])
    assert 8 * _files.BLOCK < needed < source.stat().st_size / 2


def test_importing_the_package_does_not_import_the_command_line():
    script = "import sys, arraylogit{}; print([m for m in sys.modules if '_cli' in m])"
    for command, expected in (("", False), (", arraylogit._cli._files", True)):
        done = subprocess.run(
            [sys.executable, "-c", script.format(command)], capture_output=True, text=True
        )
        assert ("arraylogit._cli" in done.stdout) is expected


def test_the_table_of_libraries_imports_none():
    script = (
        "import sys, arraylogit._strategies._installed as i; "
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
