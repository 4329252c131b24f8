"""A generation: its state, its events' effects, the decisions about it, and what clients are told of it."""
