"""What subscribers get satisfies its published schema, and a schema that was published once never changes."""

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from events.catalogue import CATALOGUE
from events.envelope import visible
from events.event_type import EventType
from events.public_schemas import FOLDER, missing, published
from tests.builders.generation import recorded
from tests.events.write_golden import SCHEMA_DIGESTS, digest_of

PUBLISHED = published()
SHOWN = [row for row in CATALOGUE.rows if row.public is not None]


def test_every_public_view_is_published_in_its_newest_form() -> None:
    assert not missing(), "make derived writes the next revision"
    assert set(PUBLISHED) == {row.name for row in SHOWN}


def test_a_published_schema_never_changes() -> None:
    digests = {file.name: digest_of(file) for file in FOLDER.iterdir()}
    assert digests == json.loads(SCHEMA_DIGESTS.read_text()), "make derived adds new files; no other line may change"


@pytest.mark.parametrize("row", SHOWN, ids=lambda row: row.name)
def test_a_visible_event_satisfies_its_schema(row: EventType) -> None:
    revisions = PUBLISHED[row.name]
    schema = revisions[max(revisions)]
    Draft202012Validator.check_schema(schema)
    checked = Draft202012Validator(schema)
    [event] = recorded([row.sample])
    envelope = visible(event)
    assert envelope is not None
    checked.validate(envelope)
    checked.validate({**envelope, "later": 1, "data": {**envelope["data"], "later": 1}})
    for name in schema["properties"]["data"].get("required", ()):
        shorter = {key: value for key, value in envelope["data"].items() if key != name}
        with pytest.raises(ValidationError):
            checked.validate({**envelope, "data": shorter})
    with pytest.raises(ValidationError):
        checked.validate({**envelope, "type": "generation.imagined"})


def test_a_public_view_of_its_own_needs_a_model() -> None:
    [row] = [row for row in SHOWN if row.name == "generation.completed"]
    with pytest.raises(ValueError, match="needs a model"):
        EventType(sample=row.sample, public=row.public)
