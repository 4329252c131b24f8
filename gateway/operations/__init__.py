"""Failed work for operators, and the search for all that a request led to."""
