"""The events of outgoing webhooks.

Stream `webhook-<endpoint>` holds a registered endpoint's own events, `webhook-<endpoint>-<generation>` every
attempt to deliver that generation's events there, so that the streams of busy endpoints stay short. URLs and
secrets are kept beside the log: `url` is a salted hash.
"""

from datetime import UTC, datetime
from typing import Final, Literal

from pydantic import AwareDatetime

from events.event import Event
from events.event_type import EventType, whole

DisabledReason = Literal["developer", "gone", "failing"]


class WebhookRegistered(Event, name="webhook.registered"):
    """A developer registered an endpoint for events of a project."""

    developer: str
    project: str
    url: str
    event_types: tuple[str, ...]


class WebhookChanged(Event, name="webhook.changed"):
    """The URL or the event types changed."""

    url: str
    event_types: tuple[str, ...]


class WebhookRotated(Event, name="webhook.rotated"):
    """The endpoint has a new secret; the old one signs too until `overlap_until`."""

    overlap_until: AwareDatetime


class WebhookEnabled(Event, name="webhook.enabled"):
    """Deliveries were resumed."""


class WebhookDisabled(Event, name="webhook.disabled"):
    """Deliveries were stopped: by the developer, after a 410, or after days of failures."""

    reason: DisabledReason
    failing_since: AwareDatetime | None = None


class WebhookRemoved(Event, name="webhook.removed"):
    """The endpoint was removed, with its URL, its secrets and its deliveries."""


class DeliverySucceeded(Event, name="webhook.delivery_succeeded"):
    """The receiver accepted `event` with the HTTP `status`."""

    delivery: str
    event: str
    attempt: int
    status: int
    milliseconds: int


class DeliveryFailed(Event, name="webhook.delivery_failed"):
    """An attempt failed with the error `code`; `retry_at` None means that it was the last one."""

    delivery: str
    event: str
    attempt: int
    code: str
    status: int | None
    milliseconds: int
    retry_at: AwareDatetime | None


class DeliveryExhausted(Event, name="webhook.delivery_exhausted"):
    """No further attempt is made unless a developer asks for one."""

    delivery: str
    event: str
    attempts: int


EndpointEvent = WebhookRegistered | WebhookChanged | WebhookRotated | WebhookEnabled | WebhookDisabled | WebhookRemoved
DeliveryEvent = DeliverySucceeded | DeliveryFailed | DeliveryExhausted

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
    EventType(sample=WebhookEnabled(), public=whole, queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookDisabled(reason="gone"), public=whole, queues=_ROW, subscribers=_ROW),
    EventType(sample=WebhookRemoved(), queues=_ROW, subscribers=_ROW),
    EventType(
        sample=DeliverySucceeded(delivery="msg_1", event=_EVENT, attempt=1, status=200, milliseconds=35),
        public=whole,
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
        ),
        public=whole,
    ),
    EventType(sample=DeliveryExhausted(delivery="msg_1", event=_EVENT, attempts=10), public=whole),
)
