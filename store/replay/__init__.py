"""The replay of the log: the fold of every stream, compared with every document that is derived from it."""
