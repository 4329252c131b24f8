"""Metrics for Prometheus: the library behind the port, and the target of each process."""
