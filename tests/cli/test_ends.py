"""How a run of the command line ends (errors, signals, broken pipes), and its progress."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import arraylogit
from arraylogit.__main__ import main
from arraylogit._cli import _output, _progress
from tests.cli.shell import PROGRAM, fails_with_one_line

posix = pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")

# JAX warns of a fork, which `preexec_fn` needs, where another test has imported it.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")


# In the middle of a file, the function notifies the test and waits for a signal.
WAITING = """
import sys, time
import arraylogit
from arraylogit.__main__ import main
from arraylogit._cli import _files

_files.BLOCK = 5
logit, blocks = arraylogit.logit, []

def waiting(block):
    blocks.append(block)
    if len(blocks) == 4:
        print("half", flush=True)
        time.sleep(60)
    return logit(block)

arraylogit.logit = waiting
sys.exit(main(sys.argv[1:]))
"""


def _heeding_interrupts():
    # Which a process that a shell started in the background, or by nohup, does not.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


HEEDING = {"preexec_fn": _heeding_interrupts} if os.name == "posix" else {}


def halfway(*arguments, before=""):
    process = subprocess.Popen(
        [sys.executable, "-c", before + WAITING, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **HEEDING,
    )
    assert process.stdout.readline() == "half\n"
    return process


@posix
@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "QUIT", "USR1", "ALRM", "XCPU"])
def test_no_file_stays_after_a_signal(probs, name):
    number = getattr(signal, f"SIG{name}")
    target = probs.with_name("mine")
    target.write_text("mine")
    process = halfway("logit", probs, "-o", target, "--force")
    assert len(list(probs.parent.iterdir())) == 3
    process.send_signal(number)
    printed, error = process.communicate(timeout=60)
    assert (printed, error) == ("", f"arraylogit: ended by SIG{name}\n")
    assert process.returncode == -number  # which a shell calls 128 + number
    assert set(probs.parent.iterdir()) == {probs, target}
    assert target.read_text() == "mine"


@posix
def test_a_signal_that_is_ignored_stays_so(probs):
    ignored = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    process = halfway("logit", probs, before=ignored)
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    assert process.poll() is None
    process.terminate()
    assert "SIGTERM" in process.communicate(timeout=60)[1]


@posix
def test_signals_are_the_callers_again_afterwards(probs):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert main(["logit", str(probs)]) == 0
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


@posix
def test_what_a_kill_leaves_is_named_by_the_next_run(probs, capsys):
    process = halfway("logit", probs)
    process.kill()
    process.communicate(timeout=60)
    (left,) = set(probs.parent.iterdir()) - {probs}
    assert left.name.startswith(".probs.logit.npy.")
    assert left.name.endswith(_output.INCOMPLETE)
    process = halfway("logit", probs, "-o", probs.with_name("other"))  # its own is in use
    try:
        assert main(["expit", str(probs)]) == 0
    finally:
        process.terminate()
        process.communicate(timeout=60)
    error = capsys.readouterr().err
    assert error == f"arraylogit: {left} was left over when a run was killed, and can be deleted\n"
    left.unlink()
    assert main(["expit", str(probs), "--force"]) == 0
    assert capsys.readouterr().err == ""


def failing_at_the_third_block(error):
    original, blocks = arraylogit.logit, []

    def logit(block):
        blocks.append(block)
        if len(blocks) == 4:  # the first call is the trial with no elements
            raise error
        return original(block)

    return logit


@pytest.mark.parametrize("name", ["probs.logit.npy", "probs.npy"])
@pytest.mark.usefixtures("small_blocks")
def test_a_full_disk_leaves_nothing(probs, monkeypatch, capsys, name):
    target = probs.with_name(name)
    if target != probs:
        target.write_text("mine")
    content = target.read_bytes()
    before = sorted(probs.parent.iterdir())
    full = failing_at_the_third_block(OSError(28, "No space left on device"))
    monkeypatch.setattr(arraylogit, "logit", full)
    arguments = ["logit", str(probs), "--out", str(target), "--force"]
    assert "cannot write" in fails_with_one_line(arguments, capsys)
    assert sorted(probs.parent.iterdir()) == before
    assert target.read_bytes() == content


@pytest.mark.usefixtures("small_blocks")
def test_an_unforeseen_error_leaves_nothing_either(probs, monkeypatch):
    monkeypatch.setattr(arraylogit, "logit", failing_at_the_third_block(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["logit", str(probs)])
    assert list(probs.parent.iterdir()) == [probs]


# Without a traceback


def _ends_by_broken_pipe(arguments, read=0, unbuffered=""):
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
    )
    if read:
        process.stdout.read(read)
    process.stdout.close()
    _, error = process.communicate(timeout=300)
    assert process.returncode == -signal.SIGPIPE
    return error.decode()


@posix
@pytest.mark.parametrize("arguments", [["--help"], ["logit", "--help"], ["--version"]])
def test_a_reader_that_has_gone_ends_the_program_quietly(arguments):
    assert _ends_by_broken_pipe(arguments) == ""


@posix
def test_the_report_may_be_cut():
    assert _ends_by_broken_pipe([], read=100, unbuffered="1") == ""


@posix
def test_a_reader_of_numbers_may_go(tmp_path):
    np.save(tmp_path / "x.npy", np.full(10**6, 0.5))
    for arguments in (["-o", "-"], ["-o", tmp_path / "y.npy"]):
        read = 100 if "-" in arguments else 0
        assert _ends_by_broken_pipe(["logit", tmp_path / "x.npy", *arguments], read) == ""
    assert {path.name for path in tmp_path.iterdir()} == {"x.npy", "y.npy"}


SLOW = """
import time
print("slow", flush=True)
time.sleep(60)
"""


@posix
@pytest.mark.parametrize("arguments", [[], ["logit", "x.npy", "--backend", "jax"]])
def test_an_interrupt_while_a_library_is_imported_is_quiet(tmp_path, arguments):
    (tmp_path / "jax").mkdir()
    (tmp_path / "jax" / "__init__.py").write_text(SLOW)
    np.save(tmp_path / "x.npy", 0.5)
    process = subprocess.Popen(
        [*PROGRAM, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **HEEDING,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH')}"},
    )
    while process.stdout.readline() not in ("slow\n", ""):
        pass
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert (process.returncode, error) == (-signal.SIGINT, "arraylogit: ended by SIGINT\n")


@posix
@pytest.mark.parametrize("quiet", [True, False])
def test_an_interrupt_while_numpy_is_imported_is_quiet_in_the_program(tmp_path, quiet):
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text(SLOW)
    program = ["-m", "arraylogit"] if quiet else ["-c", "import arraylogit", "arraylogit"]
    process = subprocess.Popen(
        [sys.executable, *program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **HEEDING,
        cwd=tmp_path,
    )
    assert process.stdout.readline() == "slow\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    if quiet:
        assert (process.returncode, error) == (130, "")
    else:
        assert process.returncode == -signal.SIGINT
        assert error.endswith("\nKeyboardInterrupt\n")


@posix
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_obstacle(probs, closed):
    command = f'"$@" {closed}'
    arguments = [*PROGRAM, "logit", probs]
    done = subprocess.run(["sh", "-c", command, "sh", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert np.load(probs.with_name("probs.logit.npy")).shape == (6, 7)


# Progress


class Terminal:
    def __init__(self, file):
        self._file = file

    def isatty(self):
        return True

    def __getattr__(self, name):
        return getattr(self._file, name)


@pytest.mark.usefixtures("small_blocks")
def test_a_bar_is_shown_on_a_terminal_that_waits_for_long(probs, monkeypatch):
    tqdm = pytest.importorskip("tqdm")
    bars = []

    class Bar(tqdm.tqdm):
        def __init__(self, **options):
            bars.append((self, options))
            super().__init__(**options)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    assert main(["logit", str(probs)]) == 0
    assert bars == []
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    assert main(["logit", str(probs), "--force"]) == 0
    ((bar, options),) = bars
    assert (bar.n, bar.total) == (42, 42)
    assert options["delay"] >= 1


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.usefixtures("small_blocks")
def test_without_a_bar_a_long_run_says_how_far_it_is(probs, monkeypatch, capsys, terminal):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(_progress, "FIRST", 0)
    monkeypatch.setattr(_progress, "BETWEEN", 0)
    if terminal:
        monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    assert main(["logit", str(probs)]) == 0
    lines = capsys.readouterr().err.splitlines()
    extra = ' (pip install "arraylogit[cli]" brings a bar)' if terminal else ""
    assert lines[0] == f"arraylogit: 5 of 42 numbers, 12%{extra}"
    assert lines[1] == "arraylogit: 10 of 42 numbers, 24%"
    assert lines[-1] == "arraylogit: 42 of 42 numbers, 100%"
    assert len(lines) == 9


def test_a_short_run_says_nothing_on_the_way(probs, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    assert main(["logit", str(probs)]) == 0
    assert capsys.readouterr().err == ""
