"""The body of a webhook."""

import json
from collections.abc import Mapping
from typing import Any, NotRequired

from typing_extensions import TypedDict

from domain.generation.generation import Status


class MessageData(TypedDict):
    """The generation that an event is about, and the event as subscribers see it.

    version: of the event in its generation; larger is later. url: where the operator has set the public URL.
    example: in a message that was asked for as an example, which has no status and no user.
    """

    id: str
    status: NotRequired[Status]
    user_id: NotRequired[str]
    project_id: str
    version: int
    request_id: NotRequired[str | None]
    metadata: NotRequired[Mapping[str, Any]]
    url: NotRequired[str]
    example: NotRequired[bool]
    event: Mapping[str, Any] | None


class WebhookMessage(TypedDict):
    """One event on its way to one endpoint, by Standard Webhooks; `timestamp`: when it happened (RFC 3339)."""

    type: str
    timestamp: str
    data: MessageData


def message_body(event_type: str, timestamp: str, data: Mapping[str, Any]) -> bytes:
    """Write the body of the message about an event."""
    message = {"type": event_type, "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
