"""The command line reads files, pipes and archives, and explains why it refuses others."""

import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest

import arraylogit
from arraylogit import special
from arraylogit.__main__ import main
from arraylogit.testing.functions import FUNCTIONS
from tests.cli.shell import PROGRAM, fails_with_one_line, run

MATRIX = np.linspace(0, 1, 24).reshape(4, 6)


def _bytes(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


NPY = _bytes(np.save, MATRIX)
NPZ = _bytes(np.savez_compressed, wide=MATRIX, narrow=np.float32(0.25), none=np.empty((0, 3)))


# Pipes and archives


def test_from_standard_input_to_standard_output():
    done = run("logit", "-", stdin=NPY)
    assert done.returncode == 0
    assert np.array_equal(np.load(io.BytesIO(done.stdout)), arraylogit.logit(MATRIX))
    assert done.stderr.startswith(b"arraylogit: wrote standard output: float64, shape (4, 6), 24 ")
    assert done.stderr.count(b"\n") == 1


def test_from_standard_input_to_a_file(tmp_path):
    done = run("logit", "-", "-o", tmp_path / "y", stdin=NPY)
    assert (done.returncode, done.stderr) == (0, b"")
    assert np.array_equal(np.load(tmp_path / "y"), arraylogit.logit(MATRIX))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")
@pytest.mark.parametrize("options", [["-o", "y"], []])
def test_from_a_fifo(tmp_path, options):
    os.mkfifo(tmp_path / "fifo")
    with subprocess.Popen(
        ["sh", "-c", f"cat > '{tmp_path / 'fifo'}'"], stdin=subprocess.PIPE
    ) as p:
        p.stdin.write(NPY)
        p.stdin.close()
        done = subprocess.run(
            [*PROGRAM, "logit", "fifo", *options], stdout=subprocess.PIPE, cwd=tmp_path
        )
    assert done.returncode == 0
    result = tmp_path / "y" if options else io.BytesIO(done.stdout)
    assert np.array_equal(np.load(result), arraylogit.logit(MATRIX))
    assert {path.name for path in tmp_path.iterdir()} == {"fifo", *options[1:]}


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_each_array_of_an_archive(tmp_path, piped):
    if piped:
        done = run("logit", "-", "--eps", "0.1", stdin=NPZ)
        assert done.returncode == 0, done.stderr
        result = io.BytesIO(done.stdout)
    else:
        (tmp_path / "x.npz").write_bytes(NPZ)
        assert main(["logit", str(tmp_path / "x.npz"), "--eps", "0.1"]) == 0
        result = tmp_path / "x.logit.npz"
    with np.load(io.BytesIO(NPZ)) as x, np.load(result) as y, zipfile.ZipFile(result) as archive:
        assert y.files == x.files
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        for name in x.files:
            expected = np.asarray(arraylogit.logit(x[name], eps=0.1))
            np.testing.assert_array_equal(y[name], expected, strict=True)


def test_an_archive_without_arrays(tmp_path):
    np.savez(tmp_path / "x.npz")
    assert main(["expit", str(tmp_path / "x.npz")]) == 0
    assert np.load(tmp_path / "x.expit.npz").files == []


# Files that cannot be read


def _damaged():
    return NPY.replace(b"}", b"]", 1)


def _with_a_text():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "no array")
    return file.getvalue()


def _with_a_wrong_byte():
    # In the compressed data of the first array.
    at = len(NPZ) // 8
    return NPZ[:at] + bytes([NPZ[at] ^ 0xFF]) + NPZ[at + 1 :]


OBJECTS = _bytes(np.save, np.array([None, 0.5]), allow_pickle=True)
BAD_CONTENTS = {
    "empty": (b"", "bad.npy is empty"),
    "text": (b"0.2, 0.5, 0.8", "bad.npy is text, not a .npy file; this makes one of it: python"),
    "parquet": (b"PAR1\0\0", "bad.npy is a Parquet file, not a .npy file; this makes one of it:"),
    "else": (b"\x89HDF\r\n\x1a\n\0", "bad.npy is neither a .npy nor a .npz file"),
    "truncated": (NPY[:-1], "bad.npy is truncated: 23 of its 24 numbers are there"),
    "header truncated": (NPY[:50], "the header of bad.npy is damaged or truncated"),
    "magic truncated": (NPY[:4], "the header of bad.npy is damaged or truncated"),
    "damaged": (_damaged(), "the header of bad.npy is damaged or truncated"),
    "negative": (NPY.replace(b"(4, 6)", b"(-4,6)"), "the header of bad.npy is damaged"),
    "objects": (OBJECTS, "bad.npy holds Python objects, not numbers: numpy.save("),
    "string": (_bytes(np.save, np.array(["0.5"])), "bad.npy holds text, not numbers: numpy.save("),
    "complex": (_bytes(np.save, np.array([0.5j])), "must hold booleans, integers or real"),
    "record": (_bytes(np.save, np.zeros(2, "f4,f4")), "must hold booleans, integers or real"),
    "archive truncated": (NPZ[:-30], "bad.npy is a damaged or truncated .npz file: "),
    "archive damaged": (_with_a_wrong_byte(), "bad.npy, 'wide' is a damaged or truncated .npz"),
    "no array": (_with_a_text(), "bad.npy, 'readme.txt' is no array"),
    "array of objects": (
        _bytes(np.savez, good=MATRIX, bad=np.array([None])),
        "bad.npy, 'bad' holds Python objects, not numbers: ",
    ),
}


@pytest.mark.parametrize("case", BAD_CONTENTS)
def test_a_bad_file_gets_one_true_line_and_leaves_the_output_alone(
    tmp_path, capsys, monkeypatch, case
):
    content, complaint = BAD_CONTENTS[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.npy").write_bytes(content)
    (tmp_path / "out").write_text("mine")
    for options in ([], ["-o", "out", "--force"]):
        assert complaint in fails_with_one_line(["logit", "bad.npy", *options], capsys)
    assert {path.name for path in tmp_path.iterdir()} == {"bad.npy", "out"}
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (NPY[:-1], b"standard input is truncated: 23 of its 24 numbers are there\n"),
        (b"a,b\n1,2\n", b"standard input is text, not a .npy file; this makes one of it: python"),
        (b"", b"standard input is empty\n"),
    ],
)
def test_bad_standard_input_gets_one_line(tmp_path, content, complaint):
    done = run("logit", "-", "-o", tmp_path / "y", stdin=content)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"arraylogit: " + complaint)
    assert done.stderr.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_of_a_truncated_file_nothing_is_written(tmp_path):
    (tmp_path / "x.npy").write_bytes(NPY[:-1])
    done = run("logit", tmp_path / "x.npy", "-o", "-")
    assert (done.returncode, done.stdout) == (2, "")


def test_no_file_gets_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert "cannot read none.npy: No such" in fails_with_one_line(["logit", "none.npy"], capsys)
    assert "cannot read folder: Is a dir" in fails_with_one_line(["logit", "folder"], capsys)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.25,0.5\n0.75,1\n", [[0.25, 0.5], [0.75, 1]]),
        ("0.25 0.5\n0.75 1\n", [[0.25, 0.5], [0.75, 1]]),
        ("0.25;nan\n", [0.25, np.nan]),
        ("a,p\n1,0.25\n2,0.5\n", [0.25, 0.5]),
    ],
)
def test_the_recipe_for_text_makes_a_file_that_can_be_read(
    tmp_path, capsys, monkeypatch, text, expected
):
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "it's my.csv"
    source.write_text(text)
    recipe = fails_with_one_line(["logit", source.name], capsys).partition("of it: ")[2]
    recipe = recipe.replace("python", sys.executable, 1).replace("COLUMN", "p")
    subprocess.run(recipe, shell=True, check=True)
    assert np.array_equal(np.load("it's my.csv.npy"), expected, equal_nan=True)
    assert main(["logit", "it's my.csv.npy"]) == 0


@pytest.mark.usefixtures("small_blocks")
def test_a_file_cut_short_meanwhile_gets_one_line(tmp_path, capsys, monkeypatch):
    source = tmp_path / "long.npy"
    np.save(source, np.full(10_000, 0.5))

    def logit(block):
        if block.size:
            os.truncate(source, 200)
        return np.zeros_like(block)

    monkeypatch.setattr(arraylogit, "logit", logit)
    assert "long.npy is truncated: " in fails_with_one_line(["logit", source], capsys)
    assert list(tmp_path.iterdir()) == [source]


# Numbers outside of the domain of a function


@pytest.mark.parametrize("function", special.__all__)
def test_the_domains_are_where_the_functions_are_numbers(function):
    low, high = FUNCTIONS[function].domain
    ends = np.array([low, high, -0.0])
    beyond = np.array([np.nextafter(low, -np.inf), np.nextafter(high, np.inf)])
    beyond = beyond[np.isfinite(beyond) & ((beyond < low) | (beyond > high))]
    evaluate = getattr(arraylogit, function)
    assert not np.isnan(evaluate(ends)).any()
    assert np.isnan(evaluate(beyond)).all()
    assert len(beyond) == np.isfinite([low, high]).sum()


LOGIT = "outside [0, 1], where logit is NaN; "
LOGIT_EXP = "outside (-inf, 0], where logit_exp is NaN; "


@pytest.mark.parametrize(
    ("command", "numbers", "remarks"),
    [
        ("logit", [0, 0.5, 1, -0.0], []),
        ("logit", [20, 50, 80], [f"3 of 3 numbers {LOGIT}if they are percentages, divide them"]),
        (
            "logit",
            [0.5, 1 + 1e-12, np.nan],
            [f"1 of 3 numbers {LOGIT}if rounding has", "1 of 3 numbers NaN before and after"],
        ),
        ("logit", [-2, 3.5, 0.5], [f"2 of 3 numbers {LOGIT}if they are log-odds, expit takes"]),
        (
            "logit --eps 0.1",
            [20, 50, 0.8],
            ["2 of 3 numbers outside [0, 1], and clamped; if they are percentages, divide"],
        ),
        ("logit_log_jacobian", [np.inf, 1], ["1 of 2 numbers outside [0, 1], where logit_log_"]),
        ("logit_exp", [-1, 0.3, 0.7], [f"2 of 3 numbers {LOGIT_EXP}if they are probabilities,"]),
        ("logit_exp", [5], [f"1 of 1 numbers {LOGIT_EXP}it takes logarithms of probabilities"]),
        ("expit", [np.inf, -1e300, np.nan], ["1 of 3 numbers NaN before and after"]),
    ],
)
def test_numbers_that_a_function_does_not_take_are_counted(
    tmp_path, capsys, monkeypatch, command, numbers, remarks
):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.array(numbers, "float64"))
    name, *options = command.split()
    assert main([name, "x.npy", *options]) == 0
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == len(remarks)
    for line, remark in zip(lines, remarks, strict=True):
        assert line.startswith(f"arraylogit: x.npy: {remark}")
    assert main([name, "x.npy", *options, "--strict", "--force"]) == (1 if remarks else 0)
    assert np.load(f"x.{name}.npy").size == len(numbers)


@pytest.mark.usefixtures("small_blocks")
def test_misfits_are_counted_over_all_blocks_and_arrays(tmp_path, capsys):
    np.savez(tmp_path / "x.npz", a=np.arange(12), b=np.array([0.5, 7]))
    assert main(["logit", str(tmp_path / "x.npz")]) == 0
    assert "x.npz: 11 of 14 numbers outside [0, 1]" in capsys.readouterr().err
