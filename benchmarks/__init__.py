"""Speed and memory next to what a user would call instead: ``python -m benchmarks --help``."""
