"""Controls of operators: maintenance, a stopped provider, paused developers and projects, and the longest queue."""
