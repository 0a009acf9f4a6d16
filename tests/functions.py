"""The functions that one test body runs on."""

import pytest

from arraylogit import special
from arraylogit.testing import functions

FUNCTIONS = [getattr(special, name) for name in special.__all__]

each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=special.__all__)

# A few numbers inside the domain, exact in every dtype.
INSIDE = {name: list(function.samples) for name, function in functions.FUNCTIONS.items()}
