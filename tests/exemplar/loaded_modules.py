"""What a process that has imported the product has loaded; this module imports none of it."""

import sys


def print_tracing() -> None:
    """Print whether the library of traces is among it."""
    sys.stdout.write(f"{any(name.startswith('opentelemetry') for name in sys.modules)}\n")
