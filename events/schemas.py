"""JSON Schemas of the events, as files for readers of the log: `python -m events.schemas` writes them."""

import json
from functools import cache
from pathlib import Path

from events.catalogue import CATALOGUE, Catalogue
from events.event import Event, schema_uri

FOLDER = Path(__file__).with_name("schemas")


@cache
def schema_of(cls: type[Event]) -> str:
    """Write the JSON Schema (2020-12) of an event's stored data."""
    schema = cls.model_json_schema(mode="serialization")
    uri = schema_uri(cls.type, cls.schema_version)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": uri}
    return json.dumps(head | schema, indent=2) + "\n"


def schema_files(catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """Map the file name of every event's present version to its content."""
    return {f"{row.name}.v{row.schema_version}.json": schema_of(row.cls) for row in catalogue.rows}


def write(folder: Path = FOLDER) -> None:
    """Write the files; those of older versions are kept."""
    folder.mkdir(exist_ok=True)
    for name, text in schema_files().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
