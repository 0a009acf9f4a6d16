"""The whole suite as one test: what ``pytest --pyargs arraylogit.testing`` collects."""


def test_requirement(requirement, subject):
    requirement.check(subject)
