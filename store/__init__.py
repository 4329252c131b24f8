"""The store: contracts and adapters of everything that is kept, one folder a context."""
