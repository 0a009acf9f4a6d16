"""The functions under the names of ``torch.special`` and ``scipy.special``.

For code that takes the namespace: ``special.logit`` is ``arraylogit.logit``. `__all__` lists every
function; the command line, for example, takes its commands from it.
"""

from arraylogit._expit import expit
from arraylogit._expit_log_jacobian import expit_log_jacobian
from arraylogit._log_expit import log_expit
from arraylogit._logit import logit
from arraylogit._logit_exp import logit_exp
from arraylogit._logit_log_jacobian import logit_log_jacobian

__all__ = ["expit", "expit_log_jacobian", "log_expit", "logit", "logit_exp", "logit_log_jacobian"]
