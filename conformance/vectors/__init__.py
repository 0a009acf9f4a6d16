"""Reference tables of the logit and its relatives."""
