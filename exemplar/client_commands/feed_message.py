"""The webhook of an event that was read from the feed of a user."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from domain.paths import GENERATIONS
from domain.webhooks.delivery import delivery_id
from domain.webhooks.message_body import message_body

_ENDPOINT: Final = "listen"
_STATUS_AFTER: Final = {
    "generation.requested": "pending",
    "generation.validated": "pending",
    "generation.started": "processing",
    "generation.progressed": "processing",
    "generation.completed": "completed",
    "generation.failed": "failed",
}


@dataclass(frozen=True, slots=True)
class Message:
    """A webhook before it is signed; `id` is the same each time that the event is read."""

    id: str
    type: str
    generation: str
    version: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FeedMessages:
    """Write messages as the service does; `read_status` reads the status of a generation, None where it is gone.

    account: the body of `GET /api/v1/auth/me`.
    """

    url: str
    account: dict[str, Any]
    read_status: Callable[[str], str | None]
    _known: dict[str, str | None] = field(default_factory=dict, init=False, repr=False)

    def write(self, envelope: dict[str, Any]) -> Message:
        """Write the message of an event's public envelope, as streams have it."""
        generation = envelope["stream"].removeprefix("generation-")
        data = dict(envelope["data"])
        metadata = data.pop("metadata", {})
        written = {
            "id": generation,
            "status": self._status(generation, envelope["type"]),
            "user_id": self.account["id"],
            "request_id": envelope.get("requestid"),
            "metadata": metadata,
            "project_id": self.account["project_id"],
            "version": envelope["version"],
            "url": f"{self.url}{GENERATIONS}/{generation}",
            "event": {**envelope, "data": data},
        }
        body = message_body(envelope["type"], envelope["time"], written)
        message_id = delivery_id(_ENDPOINT, envelope["id"])
        return Message(message_id, envelope["type"], generation, envelope["version"], body)

    def _status(self, generation: str, event_type: str) -> str | None:
        """Return the status after an event; one that changes none leaves it as it was."""
        if event_type in _STATUS_AFTER:
            self._known[generation] = _STATUS_AFTER[event_type]
        elif generation not in self._known:
            self._known[generation] = self.read_status(generation)
        return self._known[generation]
