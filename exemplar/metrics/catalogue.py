"""All metrics of the product."""

from typing import Final

from actors.metrics import ACTOR_METRICS
from actors.system_metrics import SYSTEM_METRICS
from gateway.metrics import GATEWAY_METRICS
from metrics.metric import Gauge, Histogram, Label, Metric
from rabbitmq.metrics import RABBITMQ_METRICS
from store.metrics import STORE_METRICS

PROCESSES: Final = ("gateway", "worker", "scheduler", "solo")

LOOP_LAG: Final = Histogram(
    "exemplar_event_loop_lag_seconds", "How much later than planned the event loop ran a timer, in seconds"
)
PROCESS: Final = Gauge("exemplar_process", "1 for a running process of a kind", (Label("process", PROCESSES),))

METRICS: Final[tuple[Metric, ...]] = (
    PROCESS,
    LOOP_LAG,
    *GATEWAY_METRICS,
    *STORE_METRICS,
    *RABBITMQ_METRICS,
    *ACTOR_METRICS,
    *SYSTEM_METRICS,
)
"""Every metric, each with its closed lists of labels; beside them stand those of the process and of Python's memory."""
