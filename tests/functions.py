"""The functions that one test body runs on."""

import pytest

from arraylogit import special

FUNCTIONS = [getattr(special, name) for name in special.__all__]

each_function = pytest.mark.parametrize("function", FUNCTIONS, ids=special.__all__)

# A few numbers inside the domain, exact in every dtype.
INSIDE = {
    "logit": [0.125, 0.25, 0.5, 0.875],
    "expit": [-4.0, -0.5, 0.0, 0.75, 6.0],
    "log_expit": [-4.0, -0.5, 0.0, 0.75, 6.0],
    "logit_exp": [-4.0, -0.75, -0.625, -0.125],
    "logit_log_jacobian": [0.125, 0.25, 0.5, 0.875],
    "expit_log_jacobian": [-4.0, -0.5, 0.0, 0.75, 6.0],
}
