"""The events of a generation that its owner may see, and what of them."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from events.envelope import RecordedEvent
from events.event import Event
from events.generation import (
    CancelRequested,
    GenerationCompleted,
    GenerationErased,
    GenerationEvent,
    GenerationFailed,
    GenerationProgressed,
    GenerationPublished,
    GenerationRequested,
    GenerationStarted,
    GenerationValidated,
)


def _requested(event: GenerationRequested) -> dict[str, Any]:
    examples = [example.model_dump(exclude={"digest"}) for example in event.examples]
    return {"examples": examples} | ({"retry_of": event.retry_of} if event.retry_of else {})


def _validated(event: GenerationValidated) -> dict[str, Any]:
    return {
        "composition": event.composition,
        "width": event.width,
        "height": event.height,
        "seed": event.seed,
    }


def _completed(event: GenerationCompleted) -> dict[str, Any]:
    return {"images": [picture.model_dump(exclude={"digest"}) for picture in event.pictures]}


def _everything(event: Event) -> dict[str, Any]:
    return event.model_dump(mode="json")


def _nothing(_: Event) -> dict[str, Any]:
    return {}


# Quota and the provider's bookkeeping are not here: they are the operator's.
VISIBLE: Mapping[type[Event], Callable[[Any], dict[str, Any]]] = {
    GenerationRequested: _requested,
    GenerationValidated: _validated,
    GenerationStarted: _nothing,
    GenerationProgressed: _everything,
    GenerationCompleted: _completed,
    GenerationFailed: _everything,
    CancelRequested: _nothing,
    GenerationPublished: _everything,
    GenerationErased: _nothing,
}

_HIDDEN_MEMBERS = ("actor", "causationid", "dataschema")


def visible(recorded: RecordedEvent) -> dict[str, Any] | None:
    """Write the envelope that its owner may see; None for an event that is not shown."""
    event = cast("GenerationEvent", recorded.event)
    show = VISIBLE.get(type(event))
    if show is None:
        return None
    envelope = recorded.to_cloudevent()
    for member in _HIDDEN_MEMBERS:
        envelope.pop(member, None)
    return {**envelope, "data": show(event)}
