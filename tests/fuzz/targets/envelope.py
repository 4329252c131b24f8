"""Stored bodies of commits and the fields beside them, damaged or of a newer version."""

import json
from typing import Any, Final

from hypothesis import strategies as st

from events.commit import Commit, commit_from, commit_of, leaf_hash
from events.envelope import Cause
from store.commits.document import document_of, fault_beside_body, readable
from tests.builders.generation import ONE_OF_EACH, START
from tests.fuzz.mutation import JSON_TOKENS, spoilt_bytes, spoilt_json
from tests.fuzz.service import Service
from tests.fuzz.target import Target, every

_CAUSE: Final = Cause(actor="actor:test", request_id="req-1", traceparent="00-1-2-01")


def _commit(number: int) -> Commit:
    events = ONE_OF_EACH[number : number + 2]
    return commit_of("generation-x", number, events, cause=_CAUSE, time=START, writer="w")


_COMMITS: Final = [_commit(number) for number in range(len(ONE_OF_EACH))]
_DOCUMENTS: Final = [document_of(commit, START) for commit in _COMMITS]
_BODIES: Final = spoilt_bytes([commit.body for commit in _COMMITS], JSON_TOKENS)
_REWRITTEN: Final = spoilt_json([json.loads(commit.body) for commit in _COMMITS]).map(
    lambda value: json.dumps(value).encode()
)


def check(_: Service, value: tuple[bytes, Any]) -> None:
    body, document = value
    _check_body(body)
    if isinstance(document, dict) and "_id" in document:
        assert fault_beside_body(document) is None or isinstance(fault_beside_body(document), str)
        commit = readable(document)
        assert commit is None or commit.id == document["_id"]


def _check_body(body: bytes) -> None:
    """Read a body; one that is read is written again as the same events."""
    try:
        commit = commit_from(body, writer="w")
    except (ValueError, KeyError):
        return
    again = [event.to_cloudevent() for event in commit.events]
    assert commit_from(json.dumps(again).encode(), writer="w").events == commit.events
    assert isinstance(commit.stream, str)
    assert commit.first >= 1
    assert len(leaf_hash(body)) == 32
    document = document_of(commit, commit.events[0].time)
    assert readable(document) == commit


ENVELOPE: Final = Target("envelope", 7, every(st.tuples(_BODIES | _REWRITTEN, spoilt_json(_DOCUMENTS)), check))
