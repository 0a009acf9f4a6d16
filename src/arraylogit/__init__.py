"""One accurate ``logit`` for every array library, and the functions that belong to it."""

try:
    from arraylogit import special
    from arraylogit._engine import engine
    from arraylogit.special import (
        expit,
        expit_log_jacobian,
        log_expit,
        logit,
        logit_exp,
        logit_log_jacobian,
    )
except KeyboardInterrupt:
    # Ctrl-C ends the command line quietly, during the import of NumPy as well.
    import os
    import sys

    named = os.path.splitext(os.path.basename(sys.argv[0]))[0] == "arraylogit"
    if named or (sys.argv[0] == "-m" and "arraylogit" in sys.orig_argv):
        raise SystemExit(130) from None
    raise

__all__ = [
    "__version__",
    "engine",
    "expit",
    "expit_log_jacobian",
    "log_expit",
    "logit",
    "logit_exp",
    "logit_log_jacobian",
    "special",
]
__version__ = "0.1.0"
