from typing import Any, ClassVar, get_args

import pytest
from pydantic import ValidationError

from events.access import LogRead
from events.catalogue import CATALOGUE, Catalogue, UnknownEventError
from events.control import AnyControlEvent
from events.developer import DeveloperEvent, PlatformEvent
from events.event import Event
from events.event_type import EventType, Upcaster, whole
from events.generation import GenerationEvent
from events.invocation import GenerationProgressed
from events.operation import OperationEvent
from events.webhook import DeliveryEvent, EndpointEvent

URI = "urn:exemplar:event:generation.progressed"


class Moved(Event):
    """An event with two older schema versions: metres, then centimetres, then a direction as well."""

    type: ClassVar[str] = "test.moved"
    schema_version: ClassVar[int] = 3
    centimetres: int
    direction: str


def centimetres(data: dict[str, Any]) -> dict[str, Any]:
    return {"centimetres": data["metres"] * 100}


def direction(data: dict[str, Any]) -> dict[str, Any]:
    return {**data, "direction": "north"}


CATALOGUE_OF_MOVED = Catalogue(
    [EventType(sample=Moved(centimetres=1, direction="east"), upcasters=(centimetres, direction))]
)


@pytest.mark.parametrize(
    ("version", "data"),
    [
        (1, {"metres": 2}),
        (2, {"centimetres": 200}),
        (3, {"centimetres": 200, "direction": "north"}),
    ],
)
def test_an_old_schema_version_is_upcast_to_the_present_one(version: int, data: dict[str, Any]) -> None:
    event = CATALOGUE_OF_MOVED.read("test.moved", f"urn:exemplar:event:test.moved:{version}", data)
    assert event == Moved(centimetres=200, direction="north")


@pytest.mark.parametrize("version", [0, 4, 100])
def test_a_version_outside_of_the_known_ones_is_unknown(version: int) -> None:
    with pytest.raises(UnknownEventError):
        CATALOGUE_OF_MOVED.read("test.moved", f"urn:exemplar:event:test.moved:{version}", {"metres": 1})


@pytest.mark.parametrize("upcasters", [(), (centimetres,), (centimetres, direction, direction)])
def test_a_row_has_one_upcaster_for_every_older_version(upcasters: tuple[Upcaster, ...]) -> None:
    with pytest.raises(ValueError, match="needs one upcaster"):
        EventType(sample=Moved(centimetres=1, direction="east"), upcasters=upcasters)


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("generation.imagined", "urn:exemplar:event:generation.imagined:1"),
        ("generation.progressed", "urn:exemplar:event:generation.started:1"),
        ("generation.progressed", "https://example.com/generation.progressed:1"),
        ("generation.progressed", f"{URI}:"),
        ("generation.progressed", f"{URI}:-1"),
        ("generation.progressed", f"{URI}:²"),
        ("generation.progressed", f"{URI}:2"),
        ("generation.progressed", ""),
        ("events.generation.GenerationProgressed", f"{URI}:1"),
    ],
)
def test_another_type_or_schema_is_unknown(name: str, schema: str) -> None:
    with pytest.raises(UnknownEventError):
        CATALOGUE.read(name, schema, {"percent": 10})


def test_an_event_with_an_additional_field_is_of_a_newer_process() -> None:
    with pytest.raises(UnknownEventError):
        CATALOGUE.read("generation.progressed", f"{URI}:1", {"percent": 10, "prompt": "a cat"})


@pytest.mark.parametrize("data", [{}, {"percent": "much"}, {"percent": "much", "prompt": "a cat"}])
def test_an_event_that_lacks_a_field_or_has_a_wrong_value_is_damaged(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CATALOGUE.read("generation.progressed", f"{URI}:1", data)


def test_an_event_cannot_be_changed() -> None:
    event = GenerationProgressed(percent=10)
    with pytest.raises(ValidationError):
        event.percent = 20  # type: ignore[misc]


def test_every_event_class_has_one_row() -> None:
    unions = (
        *(GenerationEvent, EndpointEvent, DeliveryEvent, DeveloperEvent, PlatformEvent),
        *(AnyControlEvent, OperationEvent),
    )
    classes = [*(cls for union in unions for cls in get_args(union)), LogRead]
    assert sorted(row.name for row in CATALOGUE.rows) == sorted(cls.type for cls in classes)
    assert {row.cls for row in CATALOGUE.rows} == set(classes)


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        Catalogue([CATALOGUE["generation.erased"]] * 2)


def test_a_webhook_needs_a_public_view() -> None:
    with pytest.raises(ValueError, match="public view"):
        EventType(sample=GenerationProgressed(percent=10), deliverable=True)
    with pytest.raises(ValueError, match="queue"):
        EventType(sample=GenerationProgressed(percent=10), deliverable=True, public=whole)
    with pytest.raises(ValueError, match="deliverable"):
        EventType(sample=GenerationProgressed(percent=10), webhook_filter="start")
