"""The port through which every package measures, and the one that measures nothing."""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from metrics.metric import Counter, Gauge, Histogram

Values = Mapping[tuple[str, ...], float]
"""The values of a gauge by those of its labels."""


class Metrics(Protocol):
    """Take measurements. The values of labels follow in the order of the metric's labels."""

    @property
    def enabled(self) -> bool:
        """Tell whether anything is measured: what costs work of its own is left out where nothing is."""
        ...

    def count(self, counter: Counter, *labels: str, by: int = 1) -> None:
        """Add to a counter."""

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Count a duration."""

    def watch(self, gauge: Gauge, read: Callable[[], float], *labels: str) -> None:
        """Call `read` whenever the gauge is asked for, from any thread; it must be quick and not raise."""

    def replace(self, gauge: Gauge, values: Values) -> None:
        """Set a gauge of the system, and forget its other values; it is told for 45 seconds."""


class NoMetrics:
    """Measure nothing."""

    enabled: Final = False

    def count(self, counter: Counter, *labels: str, by: int = 1) -> None:
        pass

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        pass

    def watch(self, gauge: Gauge, read: Callable[[], float], *labels: str) -> None:
        pass

    def replace(self, gauge: Gauge, values: Values) -> None:
        pass


NO_METRICS: Final = NoMetrics()
