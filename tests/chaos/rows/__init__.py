"""The faults of the table, injected under load; each row restarts what it ended."""
