"""JSON Schemas of what subscribers get, as files that never change: `python -m events.public_schemas` adds new ones.

A schema is found by event type and revision, from 1. Whenever the public view of a type changes, the next revision is
written, so that what an address of the API gave once it gives for ever.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from events.catalogue import CATALOGUE, Catalogue
from events.envelope import SOURCE
from events.event_type import EventType, nothing

FOLDER: Final = Path(__file__).with_name("public_schemas")

_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_OPTIONAL: Final = ("correlationid", "requestid", "traceparent")


class _Nothing(BaseModel):
    """No data."""

    model_config = ConfigDict(title="Nothing")


def schema_of(row: EventType, revision: int) -> dict[str, Any]:
    """Write the JSON Schema (2020-12) of a visible event's envelope; receivers ignore members that it lacks."""
    data = _open(_model_of(row).model_json_schema(mode="serialization"))
    definitions = data.pop("$defs", {})
    always = {
        "specversion": {"const": "1.0"},
        "id": _TEXT,
        "source": {"const": SOURCE},
        "type": {"const": row.name},
        "subject": _TEXT,
        "time": _TIME,
        "datacontenttype": {"const": "application/json"},
        "data": data,
        "stream": _TEXT,
        "version": {"type": "integer", "minimum": 1},
    }
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:exemplar:public-event:{row.name}:{revision}",
        "title": row.name,
        "type": "object",
        "required": list(always),
        "properties": always | dict.fromkeys(_OPTIONAL, _TEXT),
    }
    return head | ({"$defs": definitions} if definitions else {})


def published() -> Mapping[str, Mapping[int, dict[str, Any]]]:
    """Read all schemas by event type and revision, the oldest revision first."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for name, revision, file in sorted((*_named(file), file) for file in FOLDER.glob("*.json")):
        found.setdefault(name, {})[revision] = json.loads(file.read_bytes())
    return found


def missing(catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """Map the name of every file that has yet to be written to its content."""
    written, files = published(), {}
    for row in catalogue.rows:
        if row.public is None:
            continue
        newest = max(written.get(row.name, {0: {}}))
        if newest == 0 or written[row.name][newest] != schema_of(row, newest):
            text = json.dumps(schema_of(row, newest + 1), indent=2) + "\n"
            files[f"{row.name}.{newest + 1}.json"] = text
    return files


def write() -> None:
    """Write the missing files; no other is touched."""
    FOLDER.mkdir(exist_ok=True)
    for name, text in missing().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


def _named(file: Path) -> tuple[str, int]:
    name, _, revision = file.stem.rpartition(".")
    return name, int(revision)


def _model_of(row: EventType) -> type[BaseModel]:
    return _Nothing if row.public is nothing else row.shown_as or row.cls


def _open(schema: Any) -> Any:
    """Leave out that other members are forbidden: later revisions add some."""
    if isinstance(schema, list):
        return [_open(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {name: _open(value) for name, value in schema.items() if (name, value) != ("additionalProperties", False)}


if __name__ == "__main__":
    write()
