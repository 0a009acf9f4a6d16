"""The outputs of the command line: which files it replaces, keeps and refuses."""

import os
import stat
import subprocess
from pathlib import Path

import numpy as np
import pytest

import arraylogit
from arraylogit.__main__ import main
from arraylogit._cli import _output
from tests.cli.shell import PROGRAM, fails_with_one_line

needs_fifos = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs here")


def test_the_output_may_be_the_input_or_another_file(probs):
    p = np.load(probs)
    for target in (probs.with_name("other"), probs):
        assert main(["logit", str(probs), "--out", str(target), "--force"]) == 0
        assert np.array_equal(np.load(target), arraylogit.logit(p))
    assert {path.name for path in probs.parent.iterdir()} == {"probs.npy", "other"}


def test_only_the_suffix_of_npy_files_is_replaced(tmp_path):
    for name in ("a.b.npy", "c.d"):
        with (tmp_path / name).open("wb") as file:
            np.save(file, 0.5)
        assert main(["expit", str(tmp_path / name)]) == 0
    assert {path.name for path in tmp_path.glob("*.expit.npy")} == {
        "a.b.expit.npy",
        "c.d.expit.npy",
    }


@pytest.mark.parametrize("target", ["probs.logit.npy", "link", "probs.npy"])
def test_what_exists_is_replaced_by_force_alone(probs, capsys, monkeypatch, target):
    monkeypatch.chdir(probs.parent)
    if target == "link":
        Path("link").symlink_to("real")
        Path("real").touch()
    elif target != probs.name:
        Path(target).touch()
    content, before = Path(target).read_bytes(), sorted(Path().iterdir())
    error = fails_with_one_line(["logit", probs.name, "-o", target], capsys)
    assert error == f"arraylogit: {target} exists: --force replaces it\n"
    assert Path(target).read_bytes() == content
    assert main(["logit", probs.name, "-o", target, "-f"]) == 0
    assert Path(target).read_bytes() != content
    assert sorted(Path().iterdir()) == before


def test_what_comes_to_exist_meanwhile_is_kept(probs, capsys, monkeypatch):
    target = probs.with_name("probs.logit.npy")

    def logit(block):
        if block.size:
            target.write_text("mine")
        return block

    monkeypatch.setattr(arraylogit, "logit", logit)
    assert "exists: --force" in fails_with_one_line(["logit", probs], capsys)
    assert target.read_text() == "mine"
    assert len(list(probs.parent.iterdir())) == 2


def test_the_mode_of_a_file_that_is_replaced_stays(probs):
    target = probs.with_name("secret")
    target.touch()
    for mode in (0o600, 0o640, 0o444):
        target.chmod(mode)
        assert main(["logit", str(probs), "-o", str(target), "--force"]) == 0
        assert stat.S_IMODE(target.stat().st_mode) == mode
        assert np.load(target).shape == (6, 7)


def test_what_replaces_a_secret_is_one_from_the_start(probs, monkeypatch):
    target = probs.with_name("secret")
    target.touch(mode=0o600)

    def logit(block):
        (temporary,) = (set(probs.parent.iterdir()) - {probs, target}) or {target}
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        return block

    monkeypatch.setattr(arraylogit, "logit", logit)
    assert main(["logit", str(probs), "-o", str(target), "--force"]) == 0


@pytest.mark.parametrize("exists", [False, True])
def test_symbolic_links_are_followed(probs, exists):
    folder = probs.with_name("folder")
    folder.mkdir()
    link, other = probs.with_name("link"), probs.with_name("other")
    if exists:
        (folder / "real").touch()
    link.symlink_to("other")
    other.symlink_to("folder/real")
    assert main(["logit", str(probs), "-o", str(link), *(["--force"] if exists else [])]) == 0
    assert link.is_symlink()
    assert other.is_symlink()
    assert [path.name for path in folder.iterdir()] == ["real"]
    assert np.load(folder / "real").shape == (6, 7)


@needs_fifos
@pytest.mark.parametrize("linked", [False, True])
def test_a_fifo_is_written_to_and_stays(probs, linked):
    target = fifo = probs.with_name("fifo")
    os.mkfifo(fifo)
    if linked:
        target = probs.with_name("link")
        target.symlink_to("fifo")
    with subprocess.Popen(["cat", fifo], stdout=subprocess.PIPE) as reader:
        assert main(["logit", str(probs), "-o", str(target)]) == 0
        content, _ = reader.communicate(timeout=60)
    probs.with_name("copy").write_bytes(content)
    assert np.array_equal(np.load(probs.with_name("copy")), arraylogit.logit(np.load(probs)))
    assert fifo.is_fifo()
    assert target.is_symlink() is linked


class Status:
    def __init__(self, mode):
        self.st_mode = mode


@pytest.mark.parametrize(
    ("kind", "written"), [(stat.S_IFCHR, True), (stat.S_IFBLK, False), (stat.S_IFSOCK, False)]
)
def test_devices_are_written_to_or_refused_never_replaced(
    probs, capsys, monkeypatch, kind, written
):
    # A file that poses as a device: it must be neither created nor truncated.
    target = probs.with_name("device")
    target.write_bytes(b"x" * 10_000)
    inode, real = target.stat().st_ino, os.stat

    def pretended(path, **options):
        return Status(kind | 0o666) if str(path) == str(target) else real(path, **options)

    monkeypatch.setattr(_output.os, "stat", pretended)
    arguments = ["logit", str(probs), "-o", str(target), "--force"]
    if written:
        assert main(arguments) == 0
    else:
        assert "cannot write" in fails_with_one_line(arguments, capsys)
    monkeypatch.undo()
    assert target.stat().st_ino == inode
    assert target.stat().st_size == 10_000
    assert target.read_bytes().startswith(b"\x93NUMPY") is written
    assert len(list(probs.parent.iterdir())) == 2


def test_a_terminal_gets_no_bytes(probs):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*PROGRAM, "logit", probs, "-o", "-"], stdout=theirs, stderr=subprocess.PIPE
        )
        assert (done.returncode, done.stderr) == (
            2,
            b"arraylogit: standard output is a terminal: name a file, or pipe it on\n",
        )
        done = subprocess.run([*PROGRAM, "logit", "-"], stdin=theirs, capture_output=True)
        assert done.returncode == 2
        assert done.stderr.startswith(b"arraylogit: standard input is a terminal: ")
    finally:
        os.close(ours)
        os.close(theirs)


def test_several_files_go_to_a_folder(tmp_path, capsys):
    (tmp_path / "to").mkdir()
    np.save(tmp_path / "a.npy", 0.25)
    np.savez(tmp_path / "b.npz", x=0.75)
    files = [str(tmp_path / name) for name in ("a.npy", "b.npz")]
    assert main(["logit", *files, "--out-dir", str(tmp_path / "to")]) == 0
    assert capsys.readouterr().out.count("wrote ") == 2
    assert np.load(tmp_path / "to" / "a.logit.npy") == arraylogit.logit(0.25)
    assert np.load(tmp_path / "to" / "b.logit.npz")["x"] == arraylogit.logit(0.75)
    assert main(["expit", *files]) == 0
    assert (tmp_path / "a.expit.npy").exists()
    assert (tmp_path / "b.expit.npz").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["a.npy", "b.npy", "-o", "c"], "--out takes one file, got 2: use --out-dir"),
        (["a.npy", "-"], "standard input goes alone"),
        (["-", "--out-dir", "to"], "standard input goes alone"),
        (["a.npy", "to/a.npy", "--out-dir", "to"], "a.logit.npy would be of two files"),
        (["a.npy", "--out-dir", "none"], f"cannot write {Path('none/a.logit.npy')}: No such file"),
        (["a.npy", "b.npy"], "b.logit.npy exists: --force replaces it"),
    ],
)
def test_nothing_is_written_where_one_of_several_cannot_be(
    tmp_path, capsys, monkeypatch, arguments, complaint
):
    monkeypatch.chdir(tmp_path)
    Path("to").mkdir()
    for name in ("a.npy", "b.npy", "to/a.npy"):
        np.save(name, 0.5)
    Path("b.logit.npy").write_text("mine")
    before = sorted(Path().rglob("*"))
    assert complaint in fails_with_one_line(["logit", *arguments], capsys)
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--eps", "-0.1"], "`eps` must be in [0, 0.5], got -0.1"),
        (["--eps", "-1e-6"], "`eps` must be in [0, 0.5], got -1e-06"),
        (["--eps", "-inf"], "`eps` must be in [0, 0.5], got -inf"),
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
    assert complaint in fails_with_one_line(["logit", probs, *options], capsys)
    assert sorted(probs.parent.iterdir()) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do all")
def test_what_may_not_be_read_or_written_gets_one_line(probs, capsys):
    probs.parent.chmod(0o500)
    assert "cannot write" in fails_with_one_line(["logit", probs], capsys)
    probs.chmod(0)
    assert "cannot read" in fails_with_one_line(["logit", probs], capsys)
    probs.parent.chmod(0o700)


def test_usage_errors_exit_with_2(probs):
    for arguments in (
        ["logit"],
        ["expit", str(probs), "--eps", "0.1"],
        ["tanh", str(probs)],
        ["logit", str(probs), "--eps", "--force"],
        ["logit", str(probs), "-o", "a", "--out-dir", "b"],
    ):
        with pytest.raises(SystemExit) as info:
            main(arguments)
        assert info.value.code == 2


def test_long_names_are_no_obstacle(probs):
    target = probs.with_name("ä" * 125 + ".npy")  # 254 bytes
    assert main(["logit", str(probs), "-o", str(target)]) == 0
    assert np.load(target).shape == (6, 7)
