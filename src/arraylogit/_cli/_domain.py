"""Numbers outside the domain of a function: percentages for probabilities, for example."""

import math
from typing import Any

import numpy as np

from arraylogit.testing.functions import FUNCTIONS


class Misfits:
    """How many numbers are NaN, or outside the domain of a function."""

    def __init__(self, function: str, clamped: bool) -> None:
        self._function, self._clamped = function, clamped
        self._low, self._high = FUNCTIONS[function].domain
        self.size = self._nan = self._outside = 0
        self._least, self._greatest = math.inf, -math.inf  # of those outside

    def count(self, block: np.ndarray[Any, Any]) -> None:
        """Count in more numbers, at least one."""
        self.size += block.size
        if self._low <= block.min() and block.max() <= self._high:  # false if one is NaN
            return
        outside = block[(block < self._low) | (block > self._high)]
        self._nan += int(np.isnan(block).sum())
        self._outside += outside.size
        if outside.size:
            self._least = min(self._least, float(outside.min()))
            self._greatest = max(self._greatest, float(outside.max()))

    def remarks(self) -> list[str]:
        """Return a sentence for each kind that occurred."""
        found = []
        if self._outside:
            interval = "(-inf, 0]" if math.isinf(self._low) else "[0, 1]"
            then = "and clamped" if self._clamped else f"where {self._function} is NaN"
            found.append(
                f"{self._outside} of {self.size} numbers outside {interval}, {then}; "
                f"{self._hint()}"
            )
        if self._nan:
            found.append(f"{self._nan} of {self.size} numbers NaN before and after")
        return found

    def _hint(self) -> str:
        if self._function == "logit_exp":
            if self._greatest <= 1:
                return "if they are probabilities, logit takes them"
            return "it takes logarithms of probabilities"
        if self._least >= -1e-3 and self._greatest <= 1 + 1e-3:
            return "if rounding has carried them there, logit --eps 0 takes them for 0 or 1"
        if self._least >= 0 and self._greatest <= 100:
            return "if they are percentages, divide them by 100"
        return "if they are log-odds, expit takes them"
