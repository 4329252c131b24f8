"""The event store: streams of commits, and load-decide-append."""
