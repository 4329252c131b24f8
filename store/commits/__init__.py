"""The event store: streams of commits, the outbox, and load-decide-append."""
