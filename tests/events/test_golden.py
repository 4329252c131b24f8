"""The bytes of every event as first stored. Files in `golden` never change; `write_golden` adds new ones."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from events.catalogue import CATALOGUE
from events.commit import commit_from, commit_of, leaf_hash
from events.event_type import EventType
from events.generation import GenerationRequested
from tests.events.write_golden import GOLDEN, golden_bytes

FILES = sorted(GOLDEN.glob("*.json"))


def test_every_version_of_every_event_has_its_golden_file() -> None:
    every = {f"{row.name}.v{n}.json" for row in CATALOGUE.rows for n in range(1, row.schema_version + 1)}
    assert {file.name for file in FILES} == every


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_old_commit_can_be_read(file: Path) -> None:
    commit = commit_from(file.read_bytes())
    assert [event.type for event in commit.events] == [file.stem.rpartition(".v")[0]]
    assert (commit.first, commit.last) == (7, 7)


@pytest.mark.parametrize("row", CATALOGUE.rows, ids=lambda row: row.name)
def test_a_golden_event_is_written_in_the_same_bytes(row: EventType) -> None:
    body = (GOLDEN / f"{row.name}.v{row.schema_version}.json").read_bytes()
    [event] = commit_from(body).events
    again = commit_of(event.stream, 6, [event.event], cause=event.cause, time=event.time, writer="another")
    assert again.body == body


@pytest.mark.parametrize("row", CATALOGUE.rows, ids=lambda row: row.name)
def test_a_new_golden_file_would_be_readable(row: EventType) -> None:
    [event] = commit_from(golden_bytes(row)).events
    assert event.event == row.sample


def test_the_golden_request_keeps_its_meaning() -> None:
    [recorded] = commit_from((GOLDEN / "generation.requested.v1.json").read_bytes()).events
    event = recorded.event
    assert isinstance(event, GenerationRequested)
    assert event.owner.developer == "dev-1"
    assert event.start_by == datetime(2026, 11, 20, 12, 10, tzinfo=UTC)
    assert event.examples[0].size == 9000
    assert recorded.time == datetime(2026, 11, 20, 12, 0, 0, 123_456, tzinfo=UTC)
    assert recorded.cause.actor == "user:usr-1"
    assert recorded.cause.request_id == "req-1"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_golden_bytes_are_canonical(file: Path) -> None:
    body = file.read_bytes()
    plain = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert body == plain.encode()


def test_a_leaf_is_hashed_as_in_rfc_6962() -> None:
    # The hash of the leaf with no bytes, from the test vectors of certificate transparency.
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
