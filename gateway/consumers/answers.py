"""What the routes of consumers answer."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from gateway.openapi.values import FeedEvent, Time


class ProjectConsumer(TypedDict):
    """A named position in the feed of a project; `behind`: how many commits follow it."""

    name: str
    cursor: str
    behind: int
    leased_until: Time | None
    created_at: Time
    updated_at: Time


class ProjectConsumers(TypedDict):
    """The consumers of a project."""

    consumers: Sequence[ProjectConsumer]


class LeasedEvents(TypedDict):
    """The next events, for the holder of the lease alone; without events there is no lease."""

    lease: str | None
    leased_until: Time | None
    events: Sequence[FeedEvent]
    cursor: str
    more: bool
