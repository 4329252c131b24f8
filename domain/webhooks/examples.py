"""Example events for testing an endpoint: complete, valid and marked."""

from datetime import datetime

from domain.generation.generation import stream_of
from events.catalogue import CATALOGUE
from events.envelope import Cause, RecordedEvent

EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"


def example_of(event_type: str, *, now: datetime) -> RecordedEvent:
    """Make an example of a deliverable event type, as if generation `EXAMPLE_ID` had just recorded it."""
    version = CATALOGUE.deliverable.index(event_type) + 1
    event = CATALOGUE[event_type].sample
    return RecordedEvent(stream_of(EXAMPLE_ID), version, now, event, Cause(actor="actor:example"))
