"""The whole suite as one test: what ``pytest --pyargs arraylogit.testing`` collects."""

from arraylogit.testing.registry import checked


def test_requirement(requirement, subject):
    checked(requirement, subject)
