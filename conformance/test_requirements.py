"""Each requirement on each subject."""

from arraylogit.testing.test_requirements import test_requirement as test_requirement
