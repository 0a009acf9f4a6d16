"""The command line, as a process of its own or called."""

import os
import subprocess
import sys

from arraylogit.__main__ import main

PROGRAM = [sys.executable, "-W", "error", "-m", "arraylogit"]


def run(*arguments, stdin=None, **environment):
    return subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=stdin is None,
        env=os.environ | environment,
    )


def fails_with_one_line(arguments, capsys):
    assert main([str(argument) for argument in arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("arraylogit: ")
    assert printed.err.count("\n") == 1
    return printed.err
