"""Who may subscribe to an event type, by which way."""

from collections.abc import Mapping
from typing import Final, Literal

from domain.accounts.access import Role
from domain.webhooks.delivery import FILTERS
from events.event_type import EventType

Channel = Literal["endpoint", "request_webhook", "stream", "feed", "consumer", "log"]
"""A webhook of an endpoint or of a single request, the events of one generation, a feed, a consumer, the log."""

_USERS: Final = (Role.END_USER, Role.DEVELOPER)
_STAFF: Final = (Role.AUDITOR, Role.PLATFORM_OPERATOR)
_OF_ENDPOINTS: Final = "webhook."
_OF_STAFF: Final = ("platform.", "access.")


def subscribers_of(row: EventType) -> Mapping[Channel, tuple[Role, ...]]:
    """Map the ways on which an event type arrives to the roles that may use them."""
    found: dict[Channel, tuple[Role, ...]] = {}
    if row.deliverable:
        found["endpoint"] = (Role.DEVELOPER,)
    if filters_of(row):
        found["request_webhook"] = (Role.END_USER,)
    if row.public is not None and row.name.startswith(_OF_ENDPOINTS):
        found["feed"] = (Role.DEVELOPER,)
    elif row.public is not None:
        found |= {"stream": (Role.END_USER,), "feed": _USERS, "consumer": (Role.DEVELOPER,)}
    found["log"] = _STAFF if row.name.startswith(_OF_STAFF) else (Role.DEVELOPER, *_STAFF)
    return found


def filters_of(row: EventType) -> list[str]:
    """List the words of `webhook_events_filter` that choose an event type."""
    return [word for word, types in FILTERS.items() if row.name in types]
