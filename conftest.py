"""Options of both `tests` and `conformance`, which may run together."""


def pytest_addoption(parser):
    """Add them."""
    parser.addoption(
        "--require",
        default="",
        help="comma-separated libraries whose absence is an error, not a skip",
    )
