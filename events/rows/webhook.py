"""The event types of streams `webhook-<endpoint>` and `webhook-<endpoint>-<generation>`."""

from datetime import UTC, datetime
from typing import Final

from events.event_type import EventType
from events.webhook import (
    DeliveryExhausted,
    DeliveryFailed,
    DeliverySucceeded,
    WebhookChanged,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRegistered,
    WebhookRemoved,
    WebhookRotated,
)

_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_EVENT: Final = "generation-00000000-0000-7000-8000-000000000000:1"
_TYPES: Final = ("generation.completed",)
_ROW: Final = ("delivery",)

WEBHOOK: Final = (
    EventType(
        sample=WebhookRegistered(developer="dev-1", project="prj-1", url="0" * 64, event_types=_TYPES),
        queues=_ROW,
        subscribers=_ROW,
    ),
    EventType(sample=WebhookChanged(url="0" * 64, event_types=_TYPES), queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookRotated(overlap_until=_TIME), subscribers=_ROW),
    EventType(sample=WebhookEnabled(), queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookDisabled(reason="gone"), queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookRemoved(), queues=_ROW, subscribers=_ROW),
    EventType(
        sample=DeliverySucceeded(delivery="msg_1", event=_EVENT, attempt=1, status=200, milliseconds=35)
    ),
    EventType(
        sample=DeliveryFailed(
            delivery="msg_1",
            event=_EVENT,
            attempt=1,
            code="status",
            status=503,
            milliseconds=35,
            retry_at=_TIME,
        )
    ),
    EventType(sample=DeliveryExhausted(delivery="msg_1", event=_EVENT, attempts=10)),
)
