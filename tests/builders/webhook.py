"""One event of each type of outgoing webhooks, and deliveries."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.webhooks.delivery import Delivery
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

START = NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENT = "generation-0193f5e0-0000-7000-8000-000000000001:9"

WEBHOOK_EVENTS: tuple[Event, ...] = (
    WebhookRegistered(developer="dev-1", project="prj-1", url="a" * 64, event_types=("generation.completed",)),
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


def delivery(name: str = "msg_1", **fields: Any) -> Delivery:
    """Make a delivery that is due, with these fields."""
    usual = Delivery(
        id=name,
        endpoint="ep-1",
        project="prj-1",
        generation="g-1",
        event=f"generation-g-1:{fields.get('version', 1)}",
        type="generation.started",
        version=1,
        host="host-1",
        event_time=START,
        created_at=START,
        expire_at=START + timedelta(days=36500),  # the server deletes what has expired
        due_at=START,
    )
    return replace(usual, **fields)
