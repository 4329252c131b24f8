"""A row of the catalogue is enough: every other list of event types follows from it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pytest

import rabbitmq
from actors.jobs.subscribers import SUBSCRIBERS
from actors.subscriptions import QUEUES
from domain.webhooks.delivery import EXAMPLE_ID, FILTERS, example_of
from events.catalogue import CATALOGUE, Catalogue
from events.envelope import Cause, RecordedEvent, visible
from events.event import Event, Part
from events.event_type import EventType
from events.public_schemas import missing
from events.schemas import schema_files
from gateway.webhooks.checks import EVENT_TYPES
from rabbitmq.topology import definitions, key_of, topology
from tests.docs import tables

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DEFINITIONS = json.loads((Path(rabbitmq.__file__).parent / "definitions.json").read_text())


class Framed(Event):
    """An event type that only this test knows."""

    type: ClassVar[str] = "generation.framed"
    colour: str


class ShownFrame(Part):
    """What its owner sees."""

    frame: str


FRAMED = EventType(
    sample=Framed(colour="oak"),
    public=lambda event: {"frame": event.colour},
    shown_as=ShownFrame,
    deliverable=True,
    webhook_filter="completed",
    final=True,
    queues=("quota", "framing", "delivery"),
    subscribers=("delivery", "framing"),
)
MORE = Catalogue((*CATALOGUE.rows, FRAMED))


def test_a_new_row_appears_in_every_derived_list() -> None:
    assert FRAMED.name in MORE.names
    assert FRAMED.name in MORE.deliverable
    assert FRAMED.name in MORE.final
    assert FRAMED.name in MORE.webhook_filters["completed"]
    assert FRAMED.name in MORE.queues["quota"]
    assert MORE.queues["framing"] == (FRAMED.name,)
    assert FRAMED.name in MORE.subscribers["delivery"]
    assert MORE.subscribers["framing"] == {FRAMED.name}
    assert json.loads(schema_files(MORE)["generation.framed.v1.json"])["required"] == ["colour"]
    assert list(missing(MORE)) == ["generation.framed.1.json"]
    assert MORE.read(FRAMED.name, "urn:exemplar:event:generation.framed:1", {"colour": "oak"}) == FRAMED.sample


def test_a_new_row_reaches_its_queues_in_rabbitmq() -> None:
    table = topology(MORE.queues)
    bound = {binding["destination"] for binding in definitions(table)["bindings"]}
    assert set(table.routes(FRAMED.name)) == {"quota", "framing", "delivery"} < bound


def test_a_new_row_is_shown_and_has_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("events.envelope.CATALOGUE", MORE)
    monkeypatch.setattr("domain.webhooks.delivery.CATALOGUE", MORE)
    example = example_of(FRAMED.name, now=NOW)
    shown = visible(example)
    assert shown is not None
    assert (shown["type"], shown["data"]) == (FRAMED.name, {"frame": "oak"})


def test_only_public_events_are_shown() -> None:
    for row in CATALOGUE.rows:
        recorded = RecordedEvent("generation-x", 1, NOW, row.sample, Cause(actor="operator"))
        assert (visible(recorded) is None) == (row.public is None), row.name


def test_only_deliverable_events_may_be_chosen_and_have_an_example() -> None:
    assert set(EVENT_TYPES) == {row.name for row in CATALOGUE.rows if row.deliverable}
    for row in CATALOGUE.rows:
        names = {word for word, types in FILTERS.items() if row.name in types} - {"output", "logs"}
        assert names == {row.webhook_filter} - {None}, row.name
        if row.deliverable:
            assert example_of(row.name, now=NOW).stream == f"generation-{EXAMPLE_ID}"


def test_every_event_has_a_schema_of_its_present_version() -> None:
    assert {f"{row.name}.v{row.schema_version}.json" for row in CATALOGUE.rows} <= set(schema_files())


def test_every_event_reaches_the_queues_of_its_row() -> None:
    bound = {one["destination"]: one["routing_key"] for one in DEFINITIONS["bindings"]}
    table, documented = topology(QUEUES), [*tables.subscriptions()]
    for row in CATALOGUE.rows:
        listed = {cells[0] for cells in documented if f"`{row.name}`" in cells[1]}
        assert set(table.routes(row.name)) == set(row.queues), row.name
        assert all(bound[queue] == key_of(queue) for queue in row.queues), row.name
        assert listed == {f"`{queue}`" for queue in row.queues}, row.name


def test_every_reaction_has_its_code_and_the_reverse() -> None:
    assert set(QUEUES) == set(CATALOGUE.queues)
    assert set(SUBSCRIBERS) == set(CATALOGUE.subscribers)
