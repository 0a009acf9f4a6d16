"""The functions under the names of ``torch.special`` and ``scipy.special``.

For code that takes the namespace: ``special.logit`` is ``arraylogit.logit``. Whatever is to know
all functions, such as the command line, goes through `__all__`.
"""

from arraylogit._expit import expit
from arraylogit._log_expit import log_expit
from arraylogit._logit import logit
from arraylogit._logit_exp import logit_exp

__all__ = ["expit", "log_expit", "logit", "logit_exp"]
