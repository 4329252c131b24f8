"""Type name and schema version <-> class: the one place that knows every event."""

from collections.abc import Callable, Mapping
from typing import Any, get_args

from events.developer import DeveloperEvent
from events.event import Event
from events.generation import GenerationEvent
from events.platform import PlatformEvent
from events.webhook import WebhookEvent

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]

CLASSES: Mapping[str, type[Event]] = {
    cls.type: cls
    for union in (GenerationEvent, WebhookEvent, DeveloperEvent, PlatformEvent)
    for cls in get_args(union)
}

# (type, version it reads) -> the data of the next version. An old version keeps its test for ever.
UPCASTERS: Mapping[tuple[str, int], Upcaster] = {}


class UnknownEventError(ValueError):
    """The log holds a type or a version that this code does not know: deploy the newer code."""


def schema_uri(event: Event | type[Event]) -> str:
    """Name an event's schema, as CloudEvents' `dataschema`."""
    return f"urn:exemplar:event:{event.type}:{event.schema_version}"


def event_from(type_name: str, dataschema: str, data: dict[str, Any]) -> Event:
    """Read an event's data, raising old versions step by step; `UnknownEventError` for what is not known."""
    cls = CLASSES.get(type_name)
    prefix, _, version = dataschema.rpartition(":")
    if cls is None or prefix != f"urn:exemplar:event:{type_name}" or not version.isdecimal():
        raise UnknownEventError(f"no event {type_name!r} with schema {dataschema!r}")
    return cls.model_validate(_upcast(cls, int(version), data))


def _upcast(cls: type[Event], version: int, data: dict[str, Any]) -> dict[str, Any]:
    while version < cls.schema_version:
        if (cls.type, version) not in UPCASTERS:
            raise UnknownEventError(f"nothing raises {cls.type} from version {version}")
        data = UPCASTERS[cls.type, version](data)
        version += 1
    if version > cls.schema_version:
        raise UnknownEventError(f"{cls.type} version {version} is newer than this code")
    return data
