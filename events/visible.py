"""The public form of a recorded event."""

from typing import Any

from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent

_HIDDEN_MEMBERS = ("actor", "causationid", "dataschema")


def visible(recorded: RecordedEvent) -> dict[str, Any] | None:
    """Write the envelope that the owner of a generation may see; None for an event that is not shown."""
    row = CATALOGUE.get(recorded.type)
    if row is None or row.public is None:
        return None
    envelope = recorded.to_cloudevent()
    for member in _HIDDEN_MEMBERS:
        envelope.pop(member, None)
    return {**envelope, "data": row.public(recorded.event)}
