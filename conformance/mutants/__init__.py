"""Wrong functions, each with the requirement that must reject it, and its message.

Most are the perfect ones of `arraylogit.testing.perfect` with one fault. A module holds those with
faults of one kind.
"""

from conformance.mutants import arrays, calls, derivatives, eps, out, transformations, values
from conformance.mutants.mutant import MUTANTS

__all__ = ["MUTANTS", "arrays", "calls", "derivatives", "eps", "out", "transformations", "values"]
