"""A body is compared with the fields beside it by its bytes, or left to the parser."""

import pytest

from events.commit import commit_of
from events.envelope import Cause
from store.audit.shared_cause import SharedCause, ends_of, shared_cause
from tests.builders.generation import ONE_OF_EACH
from tests.store.audit.conftest import NOON

STREAM, MOMENT = "generation-g", "2026-11-20T12:00:00.000"
EVENTS = ONE_OF_EACH[:3]
TYPES = tuple(event.type for event in EVENTS)
ENDS = ends_of(TYPES, 1)
BODY = commit_of(STREAM, 0, EVENTS, cause=Cause(actor="actor:a", request_id="r"), time=NOON, writer="w").body


FULL = Cause(actor="\u00e9", request_id="r", correlation_id="generation-x", causation_id="y:1", traceparent="00-1-2-01")


@pytest.mark.parametrize(("cause", "expected"), [
    (Cause(actor="actor:a"), SharedCause("actor:a", "", "")),
    (FULL, SharedCause("\u00e9", "generation-x", "r")),
])  # fmt: skip
def test_the_cause_of_any_number_of_events_is_read(cause: Cause, expected: SharedCause) -> None:
    for events in (ONE_OF_EACH, *([event] for event in ONE_OF_EACH)):
        body = commit_of(STREAM, 8, events, cause=cause, time=NOON, writer="w").body
        assert shared_cause(body, STREAM, ends_of(tuple(event.type for event in events), 9), MOMENT) == expected


@pytest.mark.parametrize("changed", [
    BODY[:-1],
    BODY + b"]",
    BODY.replace(b'"version":3', b'"version":-3'),
    BODY.replace(b'"version":2', b'"version":3'),
    BODY.replace(b'{"actor":"actor:a"', b'{"actor":"actor:b"', 1),
    BODY.replace(b'"requestid":"r"', b'"requestid":"s"', 1),
    BODY.replace(b'"requestid":"r",', b"", 1),
    BODY.replace(b'"requestid":"r"', b'"requestid":"\\\\"'),
    BODY.replace(b'"data":{', b'"data":{"specversion":"1.0","stream":"x",', 1),
    BODY.replace(b'"specversion":"1.0"', b'"specversion":"1.1"', 1),
    BODY.replace(b'"subject":"generation-g"', b'"subject":"generation-h"', 1),
    BODY.replace(b"12:00:00.000000Z", b"12:00:00.001000Z", 1),
    BODY.replace(b"12:00:00.000000Z", b"12:00:00.0000000", 1),
    b"[]",
    b"",
])  # fmt: skip
def test_another_body_is_left_to_the_parser(changed: bytes) -> None:
    assert changed != BODY
    assert shared_cause(BODY, STREAM, ENDS, MOMENT) is not None
    assert shared_cause(changed, STREAM, ENDS, MOMENT) is None


@pytest.mark.parametrize(("stream", "first", "types", "moment"), [
    ("generation-h", 1, TYPES, MOMENT),
    (STREAM, 2, TYPES, MOMENT),
    (STREAM, 1, TYPES[:2], MOMENT),
    (STREAM, 1, (TYPES[1], TYPES[0], TYPES[2]), MOMENT),
    (STREAM, 1, TYPES, "2026-11-20T12:00:00.001"),
])  # fmt: skip
def test_other_fields_beside_a_body_are_told_by_the_parser(
    stream: str, first: int, types: tuple[str, ...], moment: str
) -> None:
    assert shared_cause(BODY, stream, ends_of(types, first), moment) is None
