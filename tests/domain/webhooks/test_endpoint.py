"""Decisions and events of a registered endpoint."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import get_args

import jsonschema
import pytest

from domain.webhooks.endpoint import (
    Endpoint,
    change,
    disable,
    enable,
    endpoint_of,
    fold_endpoint,
    remove,
    rotate,
    stream_of_endpoint,
)
from events.envelope import Cause, RecordedEvent, from_cloudevent
from events.event import Event
from events.schemas import schema_files
from events.webhook import (
    DeliveryEvent,
    EndpointEvent,
    WebhookChanged,
    WebhookDisabled,
    WebhookEnabled,
    WebhookRegistered,
    WebhookRemoved,
)
from tests.builders.webhook import START, WEBHOOK_EVENTS

ID = "0193f5e0-0000-4000-8000-00000000000a"
REGISTERED = WebhookRegistered(developer="dev-1", project="prj-1", url="a" * 64, event_types=("generation.completed",))


def recorded(events: Sequence[Event]) -> list[RecordedEvent]:
    """A second apart."""
    stream, cause = stream_of_endpoint(ID), Cause(actor="user:dev-1")
    return [
        RecordedEvent(stream, version, START + timedelta(seconds=version), event, cause)
        for version, event in enumerate(events, start=1)
    ]


def folded(*events: Event) -> Endpoint:
    endpoint = fold_endpoint(recorded([REGISTERED, *events]))
    assert endpoint is not None
    return endpoint


def test_every_event_type_has_an_example_that_satisfies_its_schema() -> None:
    every = {*get_args(EndpointEvent), *get_args(DeliveryEvent)}
    assert {type(event) for event in WEBHOOK_EVENTS} == every
    for event in WEBHOOK_EVENTS:
        schema = json.loads(schema_files()[f"{event.type}.v1.json"])
        jsonschema.validate(event.model_dump(mode="json"), schema)


@pytest.mark.parametrize("event", WEBHOOK_EVENTS, ids=lambda event: event.type)
def test_an_event_is_read_back_as_it_was_written(event: Event) -> None:
    [written] = recorded([event])
    assert from_cloudevent(written.to_cloudevent()) == written


def test_an_endpoint_is_the_fold_of_its_stream() -> None:
    endpoint = folded(WebhookChanged(url="b" * 64, event_types=("generation.completed", "generation.failed")))
    assert (endpoint.id, endpoint.version, endpoint.url) == (ID, 2, "b" * 64)
    assert endpoint_of(stream_of_endpoint(ID)) == ID
    assert endpoint.event_types == {
        "generation.completed": START + timedelta(seconds=1),
        "generation.failed": START + timedelta(seconds=2),
    }


def test_a_stream_begins_with_its_only_registration() -> None:
    assert fold_endpoint([]) is None
    with pytest.raises(ValueError, match="begins with"):
        fold_endpoint(recorded([WebhookEnabled()]))
    with pytest.raises(ValueError, match="twice"):
        folded(REGISTERED)


def test_a_repeated_decision_returns_no_event() -> None:
    endpoint = folded()
    assert change(endpoint, url="a" * 64, event_types=["generation.completed"]) == []
    assert enable(endpoint) == []
    off = folded(WebhookDisabled(reason="gone"))
    assert disable(off, "developer") == []
    assert enable(off) == [WebhookEnabled()]
    assert folded(WebhookDisabled(reason="gone"), WebhookEnabled()).disabled is None


def test_nothing_is_decided_about_a_removed_endpoint() -> None:
    gone = folded(WebhookRemoved())
    assert gone.removed
    decisions = [
        change(gone, url="b" * 64, event_types=["generation.failed"]),
        enable(gone),
        disable(gone, "failing"),
        rotate(gone, overlap_until=START),
        remove(gone),
    ]
    assert decisions == [[]] * 5
