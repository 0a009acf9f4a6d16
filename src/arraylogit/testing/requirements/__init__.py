"""The requirements, a module for each group."""
