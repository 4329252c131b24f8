"""What the owner of a generation asked for after submitting it."""

from typing import ClassVar, Final

from events.event import Event
from events.event_type import EventType, nothing, whole


class CancelRequested(Event):
    """The owner asked for cancellation, with `erase` also for deletion of all data."""

    type: ClassVar[str] = "generation.cancel_requested"
    erase: bool = False


class GenerationPublished(Event):
    """The owner made it public or private."""

    type: ClassVar[str] = "generation.published"
    is_public: bool


class GenerationErased(Event):
    """Its personal data and pictures are deleted."""

    type: ClassVar[str] = "generation.erased"


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
        subscribers=("projector", "erasure", "delivery"),
    ),
)
