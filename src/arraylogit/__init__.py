"""One accurate ``logit`` and ``expit`` for every array library."""

from arraylogit import special
from arraylogit._expit import expit
from arraylogit._logit import logit

__all__ = ["__version__", "expit", "logit", "special"]
__version__ = "0.1.0"
