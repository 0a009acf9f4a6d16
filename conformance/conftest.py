"""The suite as it is run here: `pytest conformance`."""

from arraylogit.testing.plugin import *  # noqa: F403
