"""What is measured: a name, a sentence, and labels whose values are a closed list each."""

from dataclasses import dataclass
from typing import Final

OTHER: Final = "other"
"""The value of a label that is none of its list."""
SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets of short durations, seconds."""
LONG_SECONDS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
"""Upper bounds of the buckets of the phases of a generation, seconds."""


@dataclass(frozen=True, slots=True)
class Label:
    """A label and all its values; nothing that a tenant writes is one, so that their number is bounded."""

    name: str
    values: tuple[str, ...]

    def closed(self, value: str) -> str:
        """Return the value, or `other` for one that is not in the list."""
        return value if value in self.values else OTHER


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that only grows; its name ends with `_total`."""

    name: str
    help: str
    labels: tuple[Label, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """Durations in seconds, counted by their size."""

    name: str
    help: str
    labels: tuple[Label, ...] = ()
    buckets: tuple[float, ...] = SECONDS


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that goes up and down. One of the whole `system` is measured by one process for all."""

    name: str
    help: str
    labels: tuple[Label, ...] = ()
    system: bool = False


Metric = Counter | Histogram | Gauge
