"""The functions under the names of ``torch.special`` and ``scipy.special``.

For code that takes the namespace: ``special.logit`` is ``arraylogit.logit``.
"""

from arraylogit._expit import expit
from arraylogit._logit import logit

__all__ = ["expit", "logit"]
