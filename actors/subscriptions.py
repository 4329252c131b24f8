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
from events.catalogue import CATALOGUE


@dataclass(frozen=True, slots=True)
class Subscription:
    """One actor: its queue, the event types (topic patterns) it hears, and its handler."""

    queue: str
    events: tuple[str, ...]
    handler: Handler


_HANDLERS: Mapping[str, Handler] = {
    validation.NAME: validation.handle,
    quota.NAME: quota.handle,
    invocation.NAME: invocation.handle,
    completion.NAME: completion.handle,
    cancellation.NAME: cancellation.handle,
    erasure.NAME: erasure.handle,
    projection.NAME: projection.handle,
    delivery.NAME: delivery.handle,
}

SUBSCRIPTIONS: tuple[Subscription, ...] = tuple(
    Subscription(queue, CATALOGUE.queues[queue], handler) for queue, handler in _HANDLERS.items()
)
_ONLOOKERS = frozenset({projection.NAME, delivery.NAME})

QUEUES: Mapping[str, tuple[str, ...]] = {row.queue: row.events for row in SUBSCRIPTIONS}


def movers_of(event_type: str) -> tuple[Subscription, ...]:
    """Find who moves a generation on after an event: every listener but the projector and the deliveries."""
    return tuple(row for row in SUBSCRIPTIONS if event_type in row.events and row.queue not in _ONLOOKERS)
