"""Authentication: tokens, keys and the identity of a request."""
