from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from exemplar.internal_server import Answer, Pages
from exemplar.metrics.prometheus import PrometheusMetrics
from metrics.metrics import Metrics


def metrics_page(metrics: Metrics) -> Pages:
    """Return the page for Prometheus; none where nothing is measured."""
    if not isinstance(metrics, PrometheusMetrics):
        return {}
    return {"/metrics": lambda: _told(metrics.registry)}


def _told(registry: CollectorRegistry) -> Answer:
    return Answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
