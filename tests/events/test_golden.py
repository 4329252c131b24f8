"""The bytes of every event as first stored. Files in `golden` never change; `write_golden` adds new ones."""

import json
from datetime import UTC, datetime

from events.catalogue import CATALOGUE
from events.commit import commit_from, commit_of, leaf_hash
from events.generation import GenerationRequested
from tests.events.write_golden import GOLDEN, golden_bytes

FILES = sorted(GOLDEN.glob("*.json"))


def test_every_version_of_every_event_has_its_golden_file() -> None:
    every = {f"{row.name}.v{n}.json" for row in CATALOGUE.rows for n in range(1, row.schema_version + 1)}
    assert {file.name for file in FILES} == every


def test_old_commits_can_be_read() -> None:
    for file in FILES:
        commit = commit_from(file.read_bytes())
        assert [event.type for event in commit.events] == [file.stem.rpartition(".v")[0]]
        assert (commit.first, commit.last) == (7, 7), file.stem


def test_golden_events_are_written_in_the_same_bytes() -> None:
    for row in CATALOGUE.rows:
        body = (GOLDEN / f"{row.name}.v{row.schema_version}.json").read_bytes()
        [event] = commit_from(body).events
        again = commit_of(event.stream, 6, [event.event], cause=event.cause, time=event.time, writer="another")
        assert again.body == body


def test_a_new_golden_file_would_be_readable() -> None:
    for row in CATALOGUE.rows:
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


def test_golden_bytes_are_canonical() -> None:
    for file in FILES:
        body = file.read_bytes()
        plain = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert body == plain.encode()


def test_a_leaf_is_hashed_as_in_rfc_6962() -> None:
    # The hash of the leaf with no bytes, from the test vectors of certificate transparency.
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
