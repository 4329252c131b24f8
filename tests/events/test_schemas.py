import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from events.catalogue import CATALOGUE
from events.event import schema_uri
from events.schemas import FOLDER, schema_files


def test_the_schemas_in_the_repository_are_those_of_the_code() -> None:
    for name, schema in schema_files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == schema, name


def test_there_is_no_schema_of_an_unknown_event() -> None:
    every = {f"{row.name}.v{n}.json" for row in CATALOGUE.rows for n in range(1, row.schema_version + 1)}
    assert {file.name for file in FOLDER.iterdir()} == every


def test_stored_data_satisfy_their_schema_and_more_fields_do_not() -> None:
    files = schema_files()
    for event in (row.sample for row in CATALOGUE.rows):
        schema = json.loads(files[f"{event.type}.v{event.schema_version}.json"])
        assert schema["$id"] == schema_uri(event.type, event.schema_version)
        Draft202012Validator.check_schema(schema)
        checked, data = Draft202012Validator(schema), event.model_dump(mode="json")
        checked.validate(data)
        with pytest.raises(ValidationError):
            checked.validate({**data, "prompt": "a cat"})
