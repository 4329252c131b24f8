"""Commands for users, which call the public API with the Python client."""
