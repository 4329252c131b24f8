import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from events.catalogue import CATALOGUE
from events.event import Event, schema_uri
from events.schemas import FOLDER, schema_files


@pytest.mark.parametrize("name", schema_files())
def test_the_schema_in_the_repository_is_that_of_the_code(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_files()[name]


def test_there_is_no_schema_of_an_unknown_event() -> None:
    every = {f"{row.name}.v{n}.json" for row in CATALOGUE.rows for n in range(1, row.schema_version + 1)}
    assert {file.name for file in FOLDER.iterdir()} == every


@pytest.mark.parametrize("event", [row.sample for row in CATALOGUE.rows], ids=lambda event: event.type)
def test_stored_data_satisfies_its_schema_and_more_fields_do_not(event: Event) -> None:
    schema = json.loads(schema_files()[f"{event.type}.v{event.schema_version}.json"])
    assert schema["$id"] == schema_uri(event.type, event.schema_version)
    Draft202012Validator.check_schema(schema)
    checked, data = Draft202012Validator(schema), event.model_dump(mode="json")
    checked.validate(data)
    with pytest.raises(ValidationError):
        checked.validate({**data, "prompt": "a cat"})
