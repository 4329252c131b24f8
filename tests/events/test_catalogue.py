from typing import Any, ClassVar, get_args

import pytest
from pydantic import BaseModel, ValidationError

from events.catalogue import CATALOGUE, Catalogue, UnknownEventError
from events.developer import DeveloperEvent
from events.event import Event
from events.event_type import EventType, Upcaster
from events.generation import GenerationEvent, GenerationProgressed
from events.platform import PlatformEvent
from events.webhook import WebhookEvent

URI = "urn:exemplar:event:generation.progressed"


class Moved(Event):
    """An event that was written anew twice: metres, then centimetres, then a direction too."""

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
def test_a_type_or_schema_that_is_not_ours_is_unknown(name: str, schema: str) -> None:
    with pytest.raises(UnknownEventError):
        CATALOGUE.read(name, schema, {"percent": 10})


def test_an_event_with_a_field_too_many_is_refused() -> None:
    with pytest.raises(ValidationError):
        CATALOGUE.read("generation.progressed", f"{URI}:1", {"percent": 10, "prompt": "a cat"})


def test_an_event_cannot_be_changed() -> None:
    event = GenerationProgressed(percent=10)
    with pytest.raises(ValidationError):
        event.percent = 20  # type: ignore[misc]


def test_every_event_class_has_one_row() -> None:
    unions = (GenerationEvent, WebhookEvent, DeveloperEvent, PlatformEvent)
    classes = [cls for union in unions for cls in get_args(union)]
    assert sorted(row.name for row in CATALOGUE.rows) == sorted(cls.type for cls in classes)
    assert {row.cls for row in CATALOGUE.rows} == set(classes)


def test_two_rows_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows"):
        Catalogue([CATALOGUE["generation.erased"]] * 2)


def test_a_webhook_needs_a_public_view() -> None:
    with pytest.raises(ValueError, match="public view"):
        EventType(sample=GenerationProgressed(percent=10), deliverable=True)
    with pytest.raises(ValueError, match="deliverable"):
        EventType(sample=GenerationProgressed(percent=10), webhook_filter="start")


ALLOWED_FIELDS: dict[str, set[str]] = {
    "generation.requested": {
        "cancel_after",
        "examples.content_type",
        "examples.digest",
        "examples.height",
        "examples.size",
        "examples.width",
        "fingerprint",
        "finish_by",
        "idempotent",
        "owner.developer",
        "owner.project",
        "owner.user",
        "period",
        "retry_of",
        "seed",
        "start_by",
        "tier",
        "webhook_events",
        "personal_data",
    },
    "generation.validated": {
        "composition",
        "examples.format",
        "examples.frames",
        "examples.height",
        "examples.mode",
        "examples.width",
        "height",
        "input_digest",
        "input_image",
        "outputs",
        "seed",
        "width",
    },
    "generation.quota_reserved": {"limit", "period", "slot_limit", "slots", "used"},
    "generation.invocation_intended": {"attempt", "claim_until"},
    "generation.started": {"attempt", "model", "prediction"},
    "generation.invocation_refused": {"attempt", "code", "retry_at"},
    "generation.invocation_lost": {"attempt"},
    "generation.progressed": {"percent"},
    "generation.prediction_settled": {
        "attempt",
        "code",
        "cost_microusd",
        "outcome",
        "predict_seconds",
        "prediction",
        "total_seconds",
    },
    "generation.duplicate_found": {"attempt", "cost_microusd", "predict_seconds", "prediction"},
    "generation.completed": {
        "cost_microusd",
        "pictures.content_type",
        "pictures.digest",
        "pictures.height",
        "pictures.size",
        "pictures.width",
        "predict_seconds",
    },
    "generation.failed": {"code", "retryable", "stage"},
    "generation.quota_settled": {"outcome", "period"},
    "generation.cancel_requested": {"erase"},
    "generation.published": {"is_public"},
    "generation.erased": set(),
    "developer.registered": {"tier"},
    "developer.tier_changed": {"previous", "tier"},
    "developer.password_changed": {"change"},
    "developer.draft_withdrawn": {"change", "draft", "kind"},
    "developer.project_erased": {"project"},
    "developer.quota_corrected": {
        "correction",
        "freed",
        "reason",
        "taken",
        "units.after",
        "units.before",
        "units.period",
    },
    "developer.user_password_changed": {"change", "project", "user"},
    "platform.staff_created": {"role", "staff"},
    "platform.staff_password_changed": {"change", "staff"},
    "platform.staff_deleted": {"staff"},
    "platform.draft_withdrawn": {"change", "staff"},
    "developer.password_reset": {"change"},
    "developer.project_created": {"project"},
    "developer.project_renamed": {"change", "project"},
    "developer.project_deleted": {"project"},
    "developer.key_created": {"key", "project"},
    "developer.key_revoked": {"key"},
    "developer.user_registered": {"project", "user"},
    "developer.user_password_reset": {"change", "project", "user"},
    "developer.user_deleted": {"project", "user"},
    "developer.user_erased": {"project", "user"},
    "webhook.registered": {"developer", "event_types", "project", "url"},
    "webhook.changed": {"event_types", "url"},
    "webhook.rotated": {"overlap_until"},
    "webhook.enabled": set(),
    "webhook.disabled": {"failing_since", "reason"},
    "webhook.removed": set(),
    "webhook.delivery_succeeded": {"attempt", "delivery", "event", "milliseconds", "status"},
    "webhook.delivery_failed": {
        "attempt",
        "code",
        "delivery",
        "event",
        "milliseconds",
        "retry_at",
        "status",
    },
    "webhook.delivery_exhausted": {"attempts", "delivery", "event"},
}
"""Every field of the log, looked at by a person: add one only if it says nothing about anybody."""


def fields_of(cls: type[BaseModel], prefix: str = "") -> set[str]:
    names = set()
    for name, field in cls.model_fields.items():
        parts = [part for part in (field.annotation, *get_args(field.annotation)) if isinstance(part, type)]
        nested = [part for part in parts if issubclass(part, BaseModel)]
        names |= fields_of(nested[0], f"{prefix}{name}.") if nested else {prefix + name}
    return names


@pytest.mark.parametrize("cls", [row.cls for row in CATALOGUE.rows], ids=lambda cls: cls.type)
def test_no_event_has_room_for_personal_content(cls: type[Event]) -> None:
    assert fields_of(cls) == ALLOWED_FIELDS[cls.type]
