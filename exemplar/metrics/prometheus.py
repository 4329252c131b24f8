"""Measurements by `prometheus_client`, in a registry of this process."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from math import prod
from typing import Any, Final, assert_never

import prometheus_client
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from metrics.metric import Counter, Gauge, Histogram, Metric
from metrics.metrics import Values

FRESH_SECONDS: Final = 45.0
"""How long a gauge of the system is told: then another process measures, or none."""
MOST_BEGUN: Final = 50
"""Most series of a counter that begin before anything is counted."""


class PrometheusMetrics:
    """Keep the measurements of one process; `registry` exports them."""

    enabled: Final = True

    def __init__(self, metrics: Iterable[Metric], monotonic: Callable[[], float] = time.monotonic) -> None:
        prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry(auto_describe=False)
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._system = _SystemGauges(monotonic)
        self.registry.register(self._system)
        self._metrics = {one.name: self._registered(one) for one in metrics if not _is_system(one)}
        self._children: dict[tuple[str, ...], Any] = {}

    def count(self, counter: Counter, *labels: str, by: int = 1) -> None:
        self._child(counter, labels).inc(by)

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        self._child(histogram, labels).observe(seconds)

    def watch(self, gauge: Gauge, read: Callable[[], float], *labels: str) -> None:
        self._child(gauge, labels).set_function(read)

    def replace(self, gauge: Gauge, values: Values) -> None:
        self._system.replace(gauge, {_closed(gauge, labels): value for labels, value in values.items()})

    def _child(self, metric: Metric, labels: tuple[str, ...]) -> Any:
        """Return what counts for these labels; values outside of their lists are one."""
        key = metric.name, *labels
        if (child := self._children.get(key)) is None:
            closed, parent = _closed(metric, labels), self._metrics[metric.name]
            child = parent.labels(*closed) if closed else parent
            if closed == labels:  # others are not kept: their number is not bounded
                self._children[key] = child
        return child

    def _registered(self, metric: Metric) -> Any:
        names = [label.name for label in metric.labels]
        match metric:
            case Counter():
                return _begun(
                    prometheus_client.Counter(metric.name, metric.help, names, registry=self.registry), metric
                )
            case Histogram():
                return prometheus_client.Histogram(
                    metric.name, metric.help, names, buckets=metric.buckets, registry=self.registry
                )
            case Gauge():
                return prometheus_client.Gauge(metric.name, metric.help, names, registry=self.registry)
            case _:
                assert_never(metric)


class _SystemGauges(Collector):
    """Tell the gauges of the system as long as they are fresh, so that a former scheduler tells none."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._gauges: dict[str, tuple[float, Gauge, Values]] = {}

    def replace(self, gauge: Gauge, values: Values) -> None:
        self._gauges[gauge.name] = self._monotonic(), gauge, values

    def collect(self) -> Iterator[GaugeMetricFamily]:
        oldest = self._monotonic() - FRESH_SECONDS
        for measured, gauge, values in [*self._gauges.values()]:
            if measured >= oldest:
                family = GaugeMetricFamily(gauge.name, gauge.help, labels=[label.name for label in gauge.labels])
                for labels, value in values.items():
                    family.add_metric(labels, value)
                yield family


def _begun(counter: prometheus_client.Counter, metric: Counter) -> prometheus_client.Counter:
    """Begin every series of a counter at 0, so that its first step is seen; not where there are too many."""
    values = [label.values for label in metric.labels]
    if metric.labels and prod(map(len, values)) <= MOST_BEGUN:
        for labels in product(*values):
            counter.labels(*labels)
    return counter


def _closed(metric: Metric, labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(label.closed(value) for label, value in zip(metric.labels, labels, strict=True))


def _is_system(metric: Metric) -> bool:
    return isinstance(metric, Gauge) and metric.system
