"""A generation: its state, the effects of its events, the decisions about it, and the views of clients."""
