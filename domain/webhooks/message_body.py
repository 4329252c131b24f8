"""The body of a webhook."""

import json
from collections.abc import Mapping
from typing import Any


def message_body(event_type: str, timestamp: str, data: Mapping[str, Any]) -> bytes:
    """Write the body of the message about an event."""
    message = {"type": event_type, "timestamp": timestamp, "data": data}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
