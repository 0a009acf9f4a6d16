"""How well an implementation of the logit and its relatives keeps the contract."""
