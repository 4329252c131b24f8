"""One row of the catalogue: everything that the product derives from an event type."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from events.event import Event

PublicView = Callable[[Any], dict[str, Any]]
Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
WebhookFilter = Literal["start", "progress", "completed"]


def whole(event: Event) -> dict[str, Any]:
    """Show all data of an event."""
    return event.model_dump(mode="json")


def nothing(_: Event) -> dict[str, Any]:
    """Show an event without data."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class EventType:
    """An event type; its class carries the name and the schema version.

    sample: an event of the class, for examples and tests.
    writer: what appends it, for the documents.
    public: writes the data that the owner of a generation or an endpoint may see; None: the event is not shown.
    shown_as: the model of what `public` writes, where that is neither all data nor none.
    deliverable: the event may be sent as a webhook.
    webhook_filter: the word of a request's `webhook_events_filter` that chooses it.
    final: the event ends a generation.
    queues: the actors that receive its message.
    decided_by: the actors that decide it; they have handled the events before it in its commit.
    subscribers: the catch-up subscribers that read it in the sealed order.
    upcasters: each turns the data of a schema version into that of the next; the first reads version 1.
    """

    sample: Event
    writer: str = ""
    public: PublicView | None = None
    shown_as: type[BaseModel] | None = None
    deliverable: bool = False
    webhook_filter: WebhookFilter | None = None
    final: bool = False
    queues: tuple[str, ...] = ()
    decided_by: tuple[str, ...] = ()
    subscribers: tuple[str, ...] = ()
    upcasters: tuple[Upcaster, ...] = ()

    def __post_init__(self) -> None:
        if (self.shown_as is None) != (self.public in (None, whole, nothing)):
            raise ValueError(f"{self.name}: a public view of its own, and no other, needs a model")
        if self.deliverable and self.public is None:
            raise ValueError(f"{self.name}: a webhook needs a public view")
        if self.deliverable and not ("delivery" in self.queues and "delivery" in self.subscribers):
            raise ValueError(f"{self.name}: a webhook needs the queue and the subscriber `delivery`")
        if self.webhook_filter and not self.deliverable:
            raise ValueError(f"{self.name}: a webhook filter chooses deliverable events only")
        if len(self.upcasters) != self.schema_version - 1:
            raise ValueError(f"{self.name}: every older schema version needs one upcaster")

    @property
    def cls(self) -> type[Event]:
        return type(self.sample)

    @property
    def name(self) -> str:
        return self.sample.type

    @property
    def schema_version(self) -> int:
        return self.sample.schema_version

    def upcast(self, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Turn the data of a schema version into that of the present one."""
        for upcaster in self.upcasters[version - 1 :]:
            data = upcaster(data)
        return data
