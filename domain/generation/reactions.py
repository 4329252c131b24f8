"""Which actors have something to do in a state: the others need no message (the actors ask the same here)."""

from collections.abc import Iterable

from domain.generation.generation import Generation
from events.envelope import RecordedEvent
from events.invocation import DuplicateFound


def is_unwanted(g: Generation) -> bool:
    """Tell whether its prediction runs although it is to end or has failed."""
    ended = g.cancel_requested or g.status == "failed"
    return g.prediction is not None and g.settled is None and ended


def is_to_erase(g: Generation) -> bool:
    """Tell whether its owner's request to erase it is to be recorded now."""
    return g.final and g.erase_requested and not g.erased


def idle_actors(g: Generation, events: Iterable[RecordedEvent], *, has_endpoints: bool = True) -> frozenset[str]:
    """Name the actors that have nothing to do about the events that led to this state.

    `has_endpoints`: whether its project may have a webhook endpoint.
    """
    cancel = is_unwanted(g) or any(isinstance(recorded.event, DuplicateFound) for recorded in events)
    erase = is_to_erase(g) or g.erased
    deliver = has_endpoints or bool(g.request.webhook_events)
    busy = {"cancellation": cancel, "erasure": erase, "delivery": deliver}
    return frozenset(name for name, is_busy in busy.items() if not is_busy)
