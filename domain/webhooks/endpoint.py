"""A registered webhook endpoint: its state, how each event changes it, and the decisions about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from typing import assert_never, cast

from events import webhook as facts
from events.envelope import RecordedEvent
from events.event import Event
from events.stream_fault import StreamFaultError

_PREFIX = "webhook-"
_DEFAULT = "default-"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The folded state of one stream; `url` is a salted hash.

    `event_types` maps each chosen type to the time it was chosen. Earlier events are not sent: registering an
    endpoint does not replay the past.
    """

    id: str
    version: int
    developer: str
    project: str
    url: str
    event_types: Mapping[str, datetime]
    created_at: datetime
    updated_at: datetime
    disabled: facts.DisabledReason | None = None
    removed: bool = False

    def wants(self, event: RecordedEvent) -> bool:
        """Tell whether an event is sent to this endpoint."""
        since = self.event_types.get(event.type)
        return since is not None and event.time >= since


def stream_of_endpoint(endpoint_id: str) -> str:
    """Return the name of an endpoint's own stream."""
    return f"{_PREFIX}{endpoint_id}"


def stream_of_deliveries(endpoint_id: str, generation_id: str) -> str:
    """Return the name of the stream of attempts to deliver one generation's events to an endpoint."""
    return f"{_PREFIX}{endpoint_id}-{generation_id}"


def is_webhook(stream: str) -> bool:
    """Tell whether a stream is an endpoint's own, or one of its attempts."""
    return stream.startswith(_PREFIX)


def endpoint_of(stream: str) -> str:
    """Return the endpoint's id of a stream's name."""
    return stream.removeprefix(_PREFIX)


def default_endpoint(project_id: str) -> str:
    """Return the id of a project's default endpoint: the webhooks of single requests."""
    return f"{_DEFAULT}{project_id}"


def is_default(endpoint_id: str) -> bool:
    """Tell whether an id is that of a default endpoint."""
    return endpoint_id.startswith(_DEFAULT)


def fold_endpoint(events: Iterable[RecordedEvent], endpoint: Endpoint | None = None) -> Endpoint | None:
    """Fold a stream's events, in order, into what was folded before; None when there are none."""
    return reduce(evolve_endpoint, events, endpoint)


def evolve_endpoint(endpoint: Endpoint | None, recorded: RecordedEvent) -> Endpoint:
    """Apply one recorded event; raises ValueError unless the first one, and no other, is a registration."""
    event, time = cast("facts.EndpointEvent", recorded.event), recorded.time
    if endpoint is None:
        if not isinstance(event, facts.WebhookRegistered):
            raise StreamFaultError(f"{recorded.id}: an endpoint begins with {facts.WebhookRegistered.type}")
        return Endpoint(
            id=endpoint_of(recorded.stream),
            version=recorded.version,
            developer=event.developer,
            project=event.project,
            url=event.url,
            event_types=dict.fromkeys(event.event_types, time),
            created_at=time,
            updated_at=time,
        )
    return replace(_changed(endpoint, event, time), version=recorded.version, updated_at=time)


def _changed(endpoint: Endpoint, event: facts.EndpointEvent, time: datetime) -> Endpoint:
    match event:
        case facts.WebhookRegistered():
            raise StreamFaultError(f"endpoint {endpoint.id} is registered twice")
        case facts.WebhookChanged():
            event_types = {name: endpoint.event_types.get(name, time) for name in event.event_types}
            return replace(endpoint, url=event.url, event_types=event_types)
        case facts.WebhookRotated():
            return endpoint
        case facts.WebhookEnabled():
            return replace(endpoint, disabled=None)
        case facts.WebhookDisabled():
            return replace(endpoint, disabled=event.reason)
        case facts.WebhookRemoved():
            return replace(endpoint, removed=True)
        case _:
            assert_never(event)


def change(endpoint: Endpoint, *, url: str, event_types: Sequence[str]) -> list[Event]:
    """Change the URL or the event types."""
    if endpoint.removed or (endpoint.url == url and set(endpoint.event_types) == set(event_types)):
        return []
    return [facts.WebhookChanged(url=url, event_types=tuple(event_types))]


def enable(endpoint: Endpoint) -> list[Event]:
    """Resume deliveries."""
    return [facts.WebhookEnabled()] if endpoint.disabled and not endpoint.removed else []


def disable(endpoint: Endpoint, reason: facts.DisabledReason, failing_since: datetime | None = None) -> list[Event]:
    """Stop all deliveries."""
    if endpoint.disabled or endpoint.removed:
        return []
    return [facts.WebhookDisabled(reason=reason, failing_since=failing_since)]


def rotate(endpoint: Endpoint, *, overlap_until: datetime) -> list[Event]:
    """Record that the endpoint has a new secret."""
    return [] if endpoint.removed else [facts.WebhookRotated(overlap_until=overlap_until)]


def remove(endpoint: Endpoint) -> list[Event]:
    """Remove the endpoint for good."""
    return [] if endpoint.removed else [facts.WebhookRemoved()]
