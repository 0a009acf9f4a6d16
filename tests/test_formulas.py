"""The formulas use only what every library has, and can serve as its implementation."""

import operator
from functools import partial
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import arraylogit
from arraylogit import formulas
from arraylogit._expit import EXPIT
from arraylogit._expit_log_jacobian import EXPIT_LOG_JACOBIAN
from arraylogit._log_expit import LOG_EXPIT
from arraylogit._logit import LOGIT
from arraylogit._logit_exp import LOGIT_EXP
from arraylogit._logit_log_jacobian import LOGIT_LOG_JACOBIAN
from arraylogit.testing import inputs, measure, reference

RECORDS = [
    LOGIT,
    EXPIT,
    LOG_EXPIT,
    LOGIT_EXP,
    LOGIT_LOG_JACOBIAN,
    EXPIT_LOG_JACOBIAN,
]
FUNCTIONS = ("abs", "exp", "log", "log1p", "maximum", "minimum", "where")  # as the module says
ALSO_OF_DERIVATIVES = ("ones_like",)
ALSO_OF_CALLS = ("astype", "empty", "finfo", "float16", "float32", "full_like", "isdtype")
OPERATORS = ("add", "sub", "mul", "truediv", "neg", "lt", "le", "gt", "ge", "and_")

# Largest errors in ULP in float32 with functions that are correctly rounded.
ALONE = {
    "logit": 1.5,
    "expit": 1.65,
    "log_expit": 1.9,
    "logit_exp": 2.0,
    "logit_log_jacobian": 1.35,
    "expit_log_jacobian": 1.4,
}


class Minimal:
    """An array with arithmetic, comparisons, a dtype and a shape: no device, no assignment."""

    def __init__(self, values):
        self.values = np.asarray(values)

    dtype = property(lambda self: self.values.dtype)
    shape = property(lambda self: self.values.shape)

    def __array_namespace__(self, api_version=None):
        return NAMESPACE

    @classmethod
    def wrapping(cls, f):
        """Return a function of NumPy arrays as one of these."""

        def wrapped(*arguments, **options):
            bare = [a.values if isinstance(a, cls) else a for a in arguments]
            result = f(*bare, **options)
            return cls(result) if isinstance(result, np.ndarray | np.generic) else result

        return wrapped


for name in OPERATORS:
    forward = Minimal.wrapping(getattr(operator, name))
    setattr(Minimal, f"__{name.rstrip('_')}__", forward)
    setattr(Minimal, f"__r{name.rstrip('_')}__", lambda x, y, f=forward: f(y, x))


def namespace(*names):
    """Return a namespace that holds only some of NumPy's functions and dtypes."""
    xp = ModuleType("minimal")
    for name in names:
        of_numpy = getattr(np, name)
        setattr(xp, name, of_numpy if isinstance(of_numpy, type) else Minimal.wrapping(of_numpy))
    return xp


NAMESPACE = namespace(*FUNCTIONS, *ALSO_OF_CALLS)


def error(name, x, y):
    return measure.ulp_error(y.values, reference.wide(name, x)).max()


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
@np.errstate(all="ignore")
def test_the_smallest_set_of_functions_suffices(record):
    x = inputs.structured(record.name, "float64", 5000)
    y = getattr(formulas, record.name)(Minimal(x), namespace(*FUNCTIONS))
    assert error(record.name, x, y) < 3
    derivatives = namespace(*FUNCTIONS, *ALSO_OF_DERIVATIVES)
    slope = record.derivative(Minimal(x), lambda other, x: other.stepwise(x, derivatives))
    assert error(f"{record.name}_derivative", x, slope) < 3
    narrow = inputs.structured(record.name, "float32", 5000)
    y = record.wide(Minimal(narrow.astype("float64")), namespace(*FUNCTIONS))
    assert error(record.name, narrow, Minimal(y.values.astype("float32"))) < 0.501


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.name)
@np.errstate(all="ignore")
def test_error_of_the_formula_itself(record):
    """With correctly rounded functions; without its correction, each formula fails."""

    def rounded(f):
        return lambda x: f(x.astype("float64")).astype("float32")

    functions = {name: rounded(getattr(np, name)) for name in ("exp", "log", "log1p")}
    functions |= {name: getattr(np, name) for name in ("abs", "maximum", "minimum", "where")}
    x = inputs.structured(record.name, "float32", 100_000)
    y = record.stepwise(x, SimpleNamespace(**functions))
    assert y.dtype == "float32"
    assert error(record.name, x, Minimal(y)) <= ALONE[record.name]


@pytest.mark.parametrize("missing", FUNCTIONS)
@np.errstate(all="ignore")
def test_each_function_of_the_set_is_needed(missing):
    xp = namespace(*(name for name in FUNCTIONS if name != missing))
    with pytest.raises(AttributeError, match=missing):
        [record.stepwise(Minimal([-0.5]), xp) for record in RECORDS]


@pytest.mark.parametrize("f", [arraylogit.logit, arraylogit.expit])
def test_calls_need_few_functions_more(f):
    x = Minimal(np.linspace(0, 1, 9))
    y = f(x)
    assert type(y) is Minimal
    np.testing.assert_allclose(y.values, f(x.values), rtol=1e-15)
    np.testing.assert_allclose(f(Minimal(np.float16([0.25]))).values, f(np.float16([0.25])))
    assert f(Minimal([0, 1])).dtype == "float64"
    clamped = arraylogit.logit(x, 0.1)
    np.testing.assert_allclose(clamped.values, arraylogit.logit(x.values, 0.1), rtol=1e-15)
    with pytest.raises(TypeError, match="`out` must be writable: no element of a Minimal"):
        f(x, out=Minimal(np.empty(9)))


@pytest.mark.parametrize("name", ["logit", "expit", "log_expit"])
def test_as_an_implementation_for_scipy(name):
    strict = pytest.importorskip("array_api_strict")
    special = pytest.importorskip("scipy.special")
    from scipy.special._support_alternative_backends import _FuncInfo

    ours = getattr(formulas, name)
    info = _FuncInfo(getattr(special, name), 1, generic_impl=lambda xp, _: partial(ours, xp=xp))
    x = inputs.structured(name, "float64", 5000)
    with np.errstate(all="ignore"):
        y = info._wrapper_for(strict)(strict.asarray(x))
    assert error(name, x, Minimal(y)) < 3


def test_as_the_functions_of_a_scikit_learn_link(monkeypatch):
    links = pytest.importorskip("sklearn._loss.link")
    from sklearn.datasets import make_classification
    from sklearn.ensemble import HistGradientBoostingClassifier

    class LogitLink(links.BaseLink):
        interval_y_pred = links.Interval(0, 1, False, False)
        calls = 0

        def link(self, y_pred, out=None):
            LogitLink.calls += 1
            return arraylogit.logit(y_pred, out=out)

        def inverse(self, raw_prediction, out=None):
            LogitLink.calls += 1
            return arraylogit.expit(raw_prediction, out=out)

    x, y = make_classification(200, random_state=0)
    probabilities = []
    for f in (links.LogitLink, LogitLink):
        monkeypatch.setattr("sklearn._loss.loss.LogitLink", f)
        model = HistGradientBoostingClassifier(max_iter=5, random_state=0).fit(x, y)
        probabilities.append(model.predict_proba(x))
    np.testing.assert_allclose(*probabilities, rtol=1e-14)
    assert LogitLink.calls >= 2

    p = np.linspace(0.01, 0.99, 50)
    raw, back = np.empty(50), np.empty(50)
    assert LogitLink().link(p, out=raw) is raw
    assert LogitLink().inverse(raw, out=back) is back
    np.testing.assert_allclose(back, p, rtol=1e-15)
