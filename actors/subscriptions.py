"""Which event types reach which actor, as the catalogue says."""

from actors.broker import EventBroker, broker
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
from events.catalogue import CATALOGUE

QUEUES = CATALOGUE.queues
ACTORS = {
    module.NAME: module.handle
    for module in (
        validation,
        quota,
        invocation,
        completion,
        cancellation,
        erasure,
        projection,
        delivery,
    )
}

STEPS = {
    validation.NAME: (validation.decide, None, validation.look_ahead),
    quota.NAME: (quota.decide, quota.follow, quota.look_ahead),
    invocation.NAME: (invocation.decide, invocation.follow, invocation.look_ahead),
    completion.NAME: (completion.decide, completion.follow, completion.look_ahead),
}
"""The actors whose decisions may share a commit, their effects beside the log, if any, and what they may read ahead
(`actors.chain.Step`)."""


class ReactionError(Exception):
    """The catalogue and the declared actors differ; the message names the queues."""

    holds_no_data = True


def checked_broker() -> EventBroker:
    """Return the broker with all actors.

    Raises ReactionError unless every queue of the catalogue has an actor and every actor a queue there.
    """
    unmatched = set(QUEUES) ^ set(ACTORS)
    if unmatched:
        raise ReactionError(f"queues with an actor or a reaction alone: {', '.join(sorted(unmatched))}")
    return broker


def redelivered_to(event_type: str) -> tuple[str, ...]:
    """Name the queues whose actors get an event again while its generation does not move."""
    return tuple(
        queue
        for queue, types in QUEUES.items()
        if event_type in types and ACTORS[queue].options.get("redelivery", True)
    )
