"""The composition root: a configuration in, a running door out. Nothing else wires parts together."""
