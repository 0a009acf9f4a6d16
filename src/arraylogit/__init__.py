"""One accurate ``logit`` for every array library, and the functions that belong to it."""

from arraylogit import special
from arraylogit.special import expit, log_expit, logit, logit_exp

__all__ = ["__version__", "expit", "log_expit", "logit", "logit_exp", "special"]
__version__ = "0.1.0"
