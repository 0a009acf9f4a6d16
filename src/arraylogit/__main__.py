"""The command line: ``python -m arraylogit --help``."""

import sys
from collections.abc import Sequence

from arraylogit._cli._signals import quiet_end


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    with quiet_end():
        from arraylogit._cli._commands import run

        return run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    raise SystemExit(main())
