"""What the routes of events and of the catalogue answer."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

from typing_extensions import TypedDict

from domain.accounts.access import Role
from domain.event_types import Channel
from gateway.openapi.values import FeedEvent, Free, Url, VisibleEvent


class Ticket(TypedDict):
    """Access to one stream for so many seconds, for a browser, which sends no headers with an EventSource."""

    ticket: str
    url: Url
    expires_in: int


class Events(TypedDict):
    """The visible events of a generation after a position; continue after `version`."""

    events: Sequence[VisibleEvent]
    version: int
    reset: NotRequired[bool]


class FeedEvents(TypedDict):
    """Events of a feed after a cursor; continue after `cursor`, at once where there are `more`."""

    events: Sequence[FeedEvent]
    cursor: str
    more: bool
    reset: NotRequired[bool]


class DescribedEventType(TypedDict):
    """A type of events: who may subscribe in which way, its JSON Schema and a sample."""

    name: str
    description: str
    final: bool
    subscribers: Mapping[Channel, Sequence[Role]]
    webhook_filters: Sequence[str]
    schema_url: str
    log_schema_url: str
    schema: Free
    sample: Free


class EventTypes(TypedDict):
    """The catalogue of event types."""

    event_types: Sequence[DescribedEventType]
