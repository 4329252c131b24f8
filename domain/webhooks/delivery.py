"""Deliveries: which events are sent, how a receiver's response is judged, and why a delivery ends."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from events.catalogue import CATALOGUE

FILTERS: Final = CATALOGUE.webhook_filters  # by the values of `webhook_events_filter`
_DEFAULT_FILTER: Final = "completed"
_SLOW_MILLISECONDS: Final = 5000
_GONE: Final = 410

DeliveryState = Literal["pending", "delivered", "failed", "skipped"]
OwnerDeleted = Literal["project_deleted", "user_deleted"]
EndReason = (
    OwnerDeleted
    | Literal["exhausted", "gone"]
    | Literal["endpoint_disabled", "endpoint_removed", "generation_deleted", "no_address", "no_event"]
)
"""Why a delivery has ended without success: `failed` after its attempts, `skipped` without another one."""
AttemptError = Literal[
    "status", "redirect", "gone", "timeout", "connection", "tls", "dns", "forbidden", "protocol", "secret"
]


@dataclass(frozen=True, slots=True)
class ReceiverResponse:
    """The outcome of one attempt: an HTTP status, or the `fault` that prevented one.

    `body` is the start of the response body, `retry_after` the header as it was sent.
    """

    status: int | None
    fault: AttemptError | None
    milliseconds: int
    body: str = ""
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def slow(self) -> bool:
        """Tell whether the receiver took so long that it would delay other deliveries."""
        return self.fault == "timeout" or self.milliseconds >= _SLOW_MILLISECONDS

    @property
    def error(self) -> AttemptError | None:
        """Return the error code of the attempt; None when the message was accepted."""
        if self.accepted:
            return None
        if self.status is None:
            return self.fault or "protocol"
        if self.status == _GONE:
            return "gone"
        return "redirect" if 300 <= self.status < 400 else "status"


def types_of(filters: Iterable[str]) -> frozenset[str]:
    """Return the event types of a request's filter; unknown values select nothing."""
    chosen = [FILTERS[name] for name in filters if name in FILTERS]
    return frozenset[str]().union(*chosen) if chosen else FILTERS[_DEFAULT_FILTER]


def delivery_id(endpoint: str, event_id: str) -> str:
    """Return the id of a delivery and of its message: always the same for (endpoint, event)."""
    return f"msg_{hashlib.sha256(f'{endpoint}/{event_id}'.encode()).hexdigest()[:32]}"
