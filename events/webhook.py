"""The events of outgoing webhooks.

Stream `webhook-<endpoint>` holds a registered endpoint's own events, `webhook-<endpoint>-<generation>` every
attempt to deliver that generation's events there, so that the streams of busy endpoints stay short. URLs and
secrets are kept beside the log: `url` is a salted hash.
"""

from datetime import UTC, datetime
from typing import ClassVar, Final, Literal

from pydantic import AwareDatetime

from events.event import Event
from events.event_type import EventType

DisabledReason = Literal["developer", "gone", "failing"]


class WebhookRegistered(Event):
    """A developer registered an endpoint for events of a project."""

    type: ClassVar[str] = "webhook.registered"
    developer: str
    project: str
    url: str
    event_types: tuple[str, ...]


class WebhookChanged(Event):
    """The URL or the event types changed."""

    type: ClassVar[str] = "webhook.changed"
    url: str
    event_types: tuple[str, ...]


class WebhookRotated(Event):
    """The endpoint has a new secret; the old one signs too until `overlap_until`."""

    type: ClassVar[str] = "webhook.rotated"
    overlap_until: AwareDatetime


class WebhookEnabled(Event):
    """Deliveries were resumed."""

    type: ClassVar[str] = "webhook.enabled"


class WebhookDisabled(Event):
    """Deliveries were stopped: by the developer, after a 410, or after days of failures."""

    type: ClassVar[str] = "webhook.disabled"
    reason: DisabledReason
    failing_since: AwareDatetime | None = None


class WebhookRemoved(Event):
    """The endpoint was removed, with its URL, its secrets and its deliveries."""

    type: ClassVar[str] = "webhook.removed"


class DeliverySucceeded(Event):
    """The receiver accepted `event` with the HTTP `status`."""

    type: ClassVar[str] = "webhook.delivery_succeeded"
    delivery: str
    event: str
    attempt: int
    status: int
    milliseconds: int


class DeliveryFailed(Event):
    """An attempt failed with the error `code`; `retry_at` None means that it was the last one."""

    type: ClassVar[str] = "webhook.delivery_failed"
    delivery: str
    event: str
    attempt: int
    code: str
    status: int | None
    milliseconds: int
    retry_at: AwareDatetime | None


class DeliveryExhausted(Event):
    """No further attempt is made unless a developer asks for one."""

    type: ClassVar[str] = "webhook.delivery_exhausted"
    delivery: str
    event: str
    attempts: int


EndpointEvent = (
    WebhookRegistered | WebhookChanged | WebhookRotated | WebhookEnabled | WebhookDisabled | WebhookRemoved
)
DeliveryEvent = DeliverySucceeded | DeliveryFailed | DeliveryExhausted
WebhookEvent = EndpointEvent | DeliveryEvent

_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
_EVENT: Final = "generation-00000000-0000-7000-8000-000000000000:1"
_TYPES: Final = ("generation.completed",)
_ROW: Final = ("delivery",)

WEBHOOK: Final = (
    EventType(
        sample=WebhookRegistered(developer="dev-1", project="prj-1", url="0" * 64, event_types=_TYPES),
        queues=_ROW,
        subscribers=_ROW,
    ),
    EventType(sample=WebhookChanged(url="0" * 64, event_types=_TYPES), queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookRotated(overlap_until=_TIME), subscribers=_ROW),
    EventType(sample=WebhookEnabled(), queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookDisabled(reason="gone"), queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookRemoved(), queues=_ROW, subscribers=_ROW),
    EventType(
        sample=DeliverySucceeded(delivery="msg_1", event=_EVENT, attempt=1, status=200, milliseconds=35)
    ),
    EventType(
        sample=DeliveryFailed(
            delivery="msg_1",
            event=_EVENT,
            attempt=1,
            code="status",
            status=503,
            milliseconds=35,
            retry_at=_TIME,
        )
    ),
    EventType(sample=DeliveryExhausted(delivery="msg_1", event=_EVENT, attempts=10)),
)
