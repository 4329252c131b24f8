"""What the gateway measures."""

from typing import Final

from gateway.routes import OPERATIONS
from metrics.metric import Counter, Gauge, Histogram, Label

_METHOD: Final = Label("method", ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
_ROUTE: Final = Label("route", tuple(dict.fromkeys(operation.path for operation in OPERATIONS)))
_BUDGET: Final = Label("budget", ("upload", "download"))

REQUESTS: Final = Counter(
    "exemplar_http_requests_total",
    "Requests by path template and status; 499: the client left before the answer",
    (_METHOD, _ROUTE, Label("code", tuple(map(str, range(100, 600))))),
)
REQUEST_SECONDS: Final = Histogram(
    "exemplar_http_request_seconds",
    "Time from the header of a request to that of its response, in seconds",
    (_METHOD, _ROUTE),
)
EVENT_STREAMS: Final = Gauge(
    "exemplar_event_streams", "Open event streams (SSE, NDJSON) and waits of one process, each of which holds a slot"
)
EVENT_STREAMS_LIMIT: Final = Gauge("exemplar_event_streams_limit", "Most event streams and waits of one process")
BUDGET_FREE: Final = Gauge(
    "exemplar_transfer_budget_free_bytes", "Bytes that uploads or downloads may still hold in one process", (_BUDGET,)
)
BUDGET_LIMIT: Final = Gauge(
    "exemplar_transfer_budget_limit_bytes", "Bytes that uploads or downloads may hold in one process", (_BUDGET,)
)

GATEWAY_METRICS: Final = (
    REQUESTS,
    REQUEST_SECONDS,
    EVENT_STREAMS,
    EVENT_STREAMS_LIMIT,
    BUDGET_FREE,
    BUDGET_LIMIT,
)
