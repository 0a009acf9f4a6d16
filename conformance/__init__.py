"""The home of the specification, of the vectors, and of the suite's own tests."""
