"""The demonstration accounts, sample pictures and first generation of `exemplar up`."""
