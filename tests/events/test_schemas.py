import json

import jsonschema
import pytest

from events.catalogue import CLASSES, schema_uri
from events.event import Event
from events.schemas import FOLDER, schema_files
from tests.builders.developer import ONE_OF_EACH as ONE_OF_EACH_OF_A_DEVELOPER
from tests.builders.generation import ONE_OF_EACH


@pytest.mark.parametrize("name", schema_files())
def test_the_schema_in_the_repository_is_the_one_of_the_code(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_files()[name]


def test_there_is_no_schema_of_an_event_that_does_not_exist() -> None:
    every = {f"{cls.type}.v{n}.json" for cls in CLASSES.values() for n in range(1, cls.schema_version + 1)}
    assert {file.name for file in FOLDER.iterdir()} == every


@pytest.mark.parametrize("event", [*ONE_OF_EACH, *ONE_OF_EACH_OF_A_DEVELOPER], ids=lambda event: event.type)
def test_what_is_stored_satisfies_its_schema_and_nothing_more_does(event: Event) -> None:
    schema = json.loads(schema_files()[f"{event.type}.v{event.schema_version}.json"])
    assert schema["$id"] == schema_uri(event)
    jsonschema.Draft202012Validator.check_schema(schema)
    data = event.model_dump(mode="json")
    jsonschema.validate(data, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**data, "prompt": "a cat"}, schema)
