"""Who listens to what: event types -> queue -> handler. The topology and the re-driver read this table."""

from collections.abc import Mapping
from dataclasses import dataclass

from actors.handlers import (
    cancellation,
    completion,
    delivery,
    erasure,
    invocation,
    projection,
    quota,
    validation,
)
from actors.hands import Handler


@dataclass(frozen=True, slots=True)
class Subscription:
    """One actor: its queue, the event types (topic patterns) it hears, and its handler."""

    queue: str
    events: tuple[str, ...]
    handler: Handler


SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Subscription(validation.NAME, ("generation.requested",), validation.handle),
    Subscription(
        quota.NAME, ("generation.validated", "generation.completed", "generation.failed"), quota.handle
    ),
    Subscription(
        invocation.NAME,
        ("generation.quota_reserved", "generation.invocation_refused", "generation.invocation_lost"),
        invocation.handle,
    ),
    Subscription(completion.NAME, ("generation.prediction_settled",), completion.handle),
    Subscription(
        cancellation.NAME,
        (
            "generation.cancel_requested",
            "generation.started",
            "generation.failed",
            "generation.duplicate_found",
        ),
        cancellation.handle,
    ),
    Subscription(
        erasure.NAME, ("generation.completed", "generation.failed", "generation.erased"), erasure.handle
    ),
    Subscription(projection.NAME, projection.EVENTS, projection.handle),
    Subscription(delivery.NAME, delivery.EVENTS, delivery.handle),
)
_ONLOOKERS = frozenset({projection.NAME, delivery.NAME})

QUEUES: Mapping[str, tuple[str, ...]] = {row.queue: row.events for row in SUBSCRIPTIONS}


def movers_of(event_type: str) -> tuple[Subscription, ...]:
    """Find who moves a generation on after an event: every listener but the projector and the deliveries."""
    return tuple(row for row in SUBSCRIPTIONS if event_type in row.events and row.queue not in _ONLOOKERS)
