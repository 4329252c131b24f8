"""One module for each actor: what it does with an event."""
