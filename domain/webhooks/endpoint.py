"""A registered webhook endpoint: its state, how each fact changes it, and the decisions about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never, cast

from events.envelope import RecordedEvent
from events.event import Event
from events.webhook import (
    DisabledReason,
    EndpointEvent,
    WebhookChanged,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRegistered,
    WebhookRemoved,
    WebhookRotated,
)

_PREFIX = "webhook-"
_DEFAULT = "default-"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The folded state of one stream; `listens` maps an event type to the moment it was asked for.

    Events recorded before that moment are not sent: registering an endpoint does not replay the past.
    """

    id: str
    version: int
    developer: str
    project: str
    url: str
    listens: Mapping[str, datetime]
    created_at: datetime
    updated_at: datetime
    disabled: DisabledReason | None = None
    removed: bool = False

    def hears(self, event: RecordedEvent) -> bool:
        """Tell whether an event was asked for."""
        since = self.listens.get(event.type)
        return since is not None and event.time >= since


def stream_of_endpoint(endpoint_id: str) -> str:
    """Name the stream of an endpoint's life."""
    return f"{_PREFIX}{endpoint_id}"


def stream_of_deliveries(endpoint_id: str, generation_id: str) -> str:
    """Name the stream of the attempts to bring one generation's events to an endpoint."""
    return f"{_PREFIX}{endpoint_id}-{generation_id}"


def endpoint_of(stream: str) -> str:
    """Read an endpoint's id from its stream's name."""
    return stream.removeprefix(_PREFIX)


def default_endpoint(project_id: str) -> str:
    """Name what stands for the webhooks of single requests in a project."""
    return f"{_DEFAULT}{project_id}"


def is_default(endpoint_id: str) -> bool:
    """Tell whether an id stands for the webhooks of single requests."""
    return endpoint_id.startswith(_DEFAULT)


def fold_endpoint(events: Iterable[RecordedEvent]) -> Endpoint | None:
    """Fold a stream's events, in order; None for no events."""
    endpoint: Endpoint | None = None
    for recorded in events:
        endpoint = evolve_endpoint(endpoint, recorded)
    return endpoint


def evolve_endpoint(endpoint: Endpoint | None, recorded: RecordedEvent) -> Endpoint:
    """Apply one recorded event; the first must be `webhook.registered`."""
    event, time = cast("EndpointEvent", recorded.event), recorded.time
    if endpoint is None:
        if not isinstance(event, WebhookRegistered):
            raise ValueError(f"{recorded.id}: an endpoint begins with {WebhookRegistered.type}")
        listens = dict.fromkeys(event.event_types, time)
        name = endpoint_of(recorded.stream)
        return Endpoint(
            name, recorded.version, event.developer, event.project, event.url, listens, time, time
        )
    return replace(_changed(endpoint, event, time), version=recorded.version, updated_at=time)


def _changed(endpoint: Endpoint, event: EndpointEvent, time: datetime) -> Endpoint:
    match event:
        case WebhookRegistered():
            raise ValueError(f"endpoint {endpoint.id} is registered twice")
        case WebhookChanged():
            listens = {name: endpoint.listens.get(name, time) for name in event.event_types}
            return replace(endpoint, url=event.url, listens=listens)
        case WebhookRotated():
            return endpoint
        case WebhookEnabled():
            return replace(endpoint, disabled=None)
        case WebhookDisabled():
            return replace(endpoint, disabled=event.reason)
        case WebhookRemoved():
            return replace(endpoint, removed=True)
        case _:
            assert_never(event)


def change(endpoint: Endpoint, *, url: str, event_types: Sequence[str]) -> list[Event]:
    """Choose another address or other event types."""
    if endpoint.removed or (endpoint.url == url and set(endpoint.listens) == set(event_types)):
        return []
    return [WebhookChanged(url=url, event_types=tuple(event_types))]


def enable(endpoint: Endpoint) -> list[Event]:
    """Let deliveries go on."""
    return [WebhookEnabled()] if endpoint.disabled and not endpoint.removed else []


def disable(endpoint: Endpoint, reason: DisabledReason, failing_since: datetime | None = None) -> list[Event]:
    """Stop all deliveries."""
    if endpoint.disabled or endpoint.removed:
        return []
    return [WebhookDisabled(reason=reason, failing_since=failing_since)]


def rotate(endpoint: Endpoint, *, overlap_until: datetime) -> list[Event]:
    """Note that there is a new secret."""
    return [] if endpoint.removed else [WebhookRotated(overlap_until=overlap_until)]


def remove(endpoint: Endpoint) -> list[Event]:
    """Take the endpoint away for good."""
    return [] if endpoint.removed else [WebhookRemoved()]
