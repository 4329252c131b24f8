"""Controls for operators: maintenance, a stopped provider, pauses and the longest queue."""
