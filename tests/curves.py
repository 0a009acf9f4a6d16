"""The curves and dtypes that the suite measures, and some inputs of each."""

import ml_dtypes
import numpy as np
import pytest

from arraylogit.testing import inputs, measure
from arraylogit.testing.functions import curves

DTYPES = [np.dtype(t) for t in (np.float16, ml_dtypes.bfloat16, np.float32, np.float64)]
NAMES = curves()

each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=lambda t: t.name)
each_name = pytest.mark.parametrize("name", NAMES)


def sample(name, dtype, n, seed=0):
    x = inputs.structured(name, dtype, 4 * n, seed)
    some = np.random.default_rng(seed).choice(x, min(n, x.size), replace=False)
    return np.sort(np.concatenate([some, np.unique(inputs.hard(name, dtype))]))


def same(a, b):
    return bool(np.all(measure.same_special(a, b) & (measure.ulp_error(a, b) == 0)))
