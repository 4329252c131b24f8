"""What the owner of a generation asked for after submitting it."""

from typing import Final

from events.event import Event
from events.event_type import EventType, nothing, whole


class CancelRequested(Event, name="generation.cancel_requested"):
    """The owner asked for cancellation, with `erase` also for deletion of all data."""

    erase: bool = False


class GenerationPublished(Event, name="generation.published"):
    """The owner made it public or private."""

    is_public: bool


class GenerationErased(Event, name="generation.erased"):
    """Its personal data and pictures are deleted."""


OwnerEvent = CancelRequested | GenerationPublished | GenerationErased

OWNER: Final = (
    EventType(
        writer="the gateway",
        sample=CancelRequested(),
        public=nothing,
        deliverable=True,
        queues=("cancellation", "delivery"),
        subscribers=("projector", "cancellation", "delivery"),
    ),
    EventType(
        writer="the gateway",
        sample=GenerationPublished(is_public=True),
        public=whole,
        deliverable=True,
        queues=("projector", "delivery"),
        subscribers=("projector", "delivery"),
    ),
    EventType(
        writer="the gateway, or erasure once a deleted running generation is final",
        sample=GenerationErased(),
        public=nothing,
        deliverable=True,
        queues=("erasure", "projector", "delivery"),
        decided_by=("erasure",),
        subscribers=("projector", "erasure", "delivery"),
    ),
)
