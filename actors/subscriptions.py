"""Which event types reach which actor: the topology and the redelivery are made from this table."""

from collections.abc import Mapping

from actors.broker import broker
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

QUEUES: Mapping[str, tuple[str, ...]] = {
    validation.NAME: ("generation.requested",),
    quota.NAME: ("generation.validated", "generation.completed", "generation.failed"),
    invocation.NAME: (
        "generation.quota_reserved",
        "generation.invocation_refused",
        "generation.invocation_lost",
    ),
    completion.NAME: ("generation.prediction_settled",),
    cancellation.NAME: (
        "generation.cancel_requested",
        "generation.started",
        "generation.failed",
        "generation.duplicate_found",
    ),
    erasure.NAME: ("generation.completed", "generation.failed", "generation.erased"),
    projection.NAME: projection.EVENTS,
    delivery.NAME: delivery.EVENTS,
}


def redelivered_to(event_type: str) -> tuple[str, ...]:
    """Name the queues whose actors get an event again while its generation does not move."""
    return tuple(
        actor.queue_name
        for actor in broker.actors.values()
        if event_type in QUEUES[actor.queue_name] and actor.options.get("redelivery", True)
    )
