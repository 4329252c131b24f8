"""One event of each type of outgoing webhooks."""

from datetime import UTC, datetime

from events.event import Event
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

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENT = "generation-0193f5e0-0000-7000-8000-000000000001:9"

WEBHOOK_EVENTS: tuple[Event, ...] = (
    WebhookRegistered(
        developer="dev-1", project="prj-1", url="a" * 64, event_types=("generation.completed",)
    ),
    WebhookChanged(url="b" * 64, event_types=("generation.completed", "generation.failed")),
    WebhookRotated(overlap_until=START),
    WebhookEnabled(),
    WebhookDisabled(reason="failing", failing_since=START),
    WebhookRemoved(),
    DeliverySucceeded(delivery="msg_1", event=EVENT, attempt=2, status=200, milliseconds=40),
    DeliveryFailed(
        delivery="msg_1",
        event=EVENT,
        attempt=1,
        code="timeout",
        status=None,
        milliseconds=15_000,
        retry_at=START,
    ),
    DeliveryExhausted(delivery="msg_1", event=EVENT, attempts=10),
)
