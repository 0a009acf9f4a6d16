import pytest

from tests.libraries import LIBRARIES, why_not


@pytest.fixture(params=LIBRARIES, ids=lambda library: library.name)
def library(request):
    chosen = request.param
    if reason := why_not(chosen):
        if chosen.name in request.config.getoption("--require").split(","):
            pytest.fail(f"{chosen.name} is required: {reason}")
        pytest.skip(f"not run: {reason}")
    with chosen.context():
        yield chosen
