"""The broker: topology, publisher, consumer, and the in-process stand-in."""
