"""One accurate ``logit`` for every array library, and the functions that belong to it."""

from arraylogit import special
from arraylogit._threads import num_threads
from arraylogit.special import (
    expit,
    expit_log_jacobian,
    log_expit,
    logit,
    logit_exp,
    logit_log_jacobian,
)

__all__ = [
    "__version__",
    "expit",
    "expit_log_jacobian",
    "log_expit",
    "logit",
    "logit_exp",
    "logit_log_jacobian",
    "num_threads",
    "special",
]
__version__ = "0.1.0"
