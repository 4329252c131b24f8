"""What the owner of a generation asked for after submitting it."""

from typing import Annotated, Final

from events.erasure import Grounds
from events.event import Event, OmittedIfNone
from events.event_type import EventType, nothing, whole


class CancelRequested(Event, name="generation.cancel_requested"):
    """Somebody asked for cancellation, with `erase` also for deletion of all data, on these grounds."""

    erase: bool = False
    grounds: Annotated[Grounds | None, OmittedIfNone] = None


class GenerationPublished(Event, name="generation.published"):
    """The owner made it public or private."""

    is_public: bool


class GenerationErased(Event, name="generation.erased"):
    """Its personal data and pictures are deleted; older events name no grounds."""

    grounds: Annotated[Grounds | None, OmittedIfNone] = None


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
        sample=GenerationErased(grounds=Grounds(reason="owner_request")),
        public=nothing,
        deliverable=True,
        queues=("erasure", "projector", "delivery"),
        decided_by=("erasure",),
        subscribers=("projector", "erasure", "delivery"),
    ),
)
