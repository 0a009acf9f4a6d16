"""The formulas alone, as ``f(x, xp)``, for code that has a namespace and wants nothing else.

Each takes an array of a real floating-point dtype and the namespace of its library. It uses
arithmetic and comparison operators, Python scalars, and `abs`, `exp`, `log`, `log1p`, `maximum`,
`minimum` and `where` of the namespace. It does not check, convert or clamp its input, does not
split it into blocks, does not silence the library's warnings, and has no rule for its derivative:
``arraylogit.logit`` and the others do all that. The formula is evaluated in the dtype of `x`;
``docs/accuracy.md`` has its error bounds.
"""

from arraylogit._expit import EXPIT
from arraylogit._expit_log_jacobian import EXPIT_LOG_JACOBIAN
from arraylogit._log_expit import LOG_EXPIT
from arraylogit._logit import LOGIT
from arraylogit._logit_exp import LOGIT_EXP
from arraylogit._logit_log_jacobian import LOGIT_LOG_JACOBIAN
from arraylogit._record import Array, Namespace

__all__ = ["expit", "expit_log_jacobian", "log_expit", "logit", "logit_exp", "logit_log_jacobian"]


def logit(x: Array, xp: Namespace) -> Array:
    """Log-odds of the probabilities `x`, with the functions of the namespace `xp`."""
    return LOGIT.stepwise(x, xp)


def expit(x: Array, xp: Namespace) -> Array:
    """Probabilities of the log-odds `x`, with the functions of the namespace `xp`."""
    return EXPIT.stepwise(x, xp)


def log_expit(x: Array, xp: Namespace) -> Array:
    """Log-probabilities of the log-odds `x`, with the functions of the namespace `xp`."""
    return LOG_EXPIT.stepwise(x, xp)


def logit_exp(x: Array, xp: Namespace) -> Array:
    """Log-odds of the log-probabilities `x`, with the functions of the namespace `xp`."""
    return LOGIT_EXP.stepwise(x, xp)


def logit_log_jacobian(x: Array, xp: Namespace) -> Array:
    """Logarithm of the slope of the logit at `x`, with the functions of the namespace `xp`."""
    return LOGIT_LOG_JACOBIAN.stepwise(x, xp)


def expit_log_jacobian(x: Array, xp: Namespace) -> Array:
    """Logarithm of the slope of the sigmoid at `x`, with the functions of the namespace `xp`."""
    return EXPIT_LOG_JACOBIAN.stepwise(x, xp)
