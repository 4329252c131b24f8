"""Traces by OpenTelemetry: the library behind the port, imported only where traces are exported."""
