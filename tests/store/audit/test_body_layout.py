"""A body is compared with the fields beside it by its bytes, or left to the parser."""

import pytest

from events.commit import commit_of
from events.envelope import Cause
from store.audit.body_layout import BodyLayout
from store.audit.seal_order import milliseconds
from tests.builders.generation import ONE_OF_EACH
from tests.store.audit.conftest import NOON

STREAM, MOMENT = b"generation-g", milliseconds(NOON.replace(tzinfo=None))
REQUEST = "0123456789abcdef" * 2
EVENTS = ONE_OF_EACH[:3]
TYPES = tuple(event.type for event in EVENTS)
LAYOUT = BodyLayout(TYPES, 1)
CAUSE = Cause(actor="actor:a", request_id=REQUEST, correlation_id=STREAM.decode())
BODY = commit_of(STREAM.decode(), 0, EVENTS, cause=CAUSE, time=NOON, writer="w").body
FULL = Cause("\u00e9", REQUEST, STREAM.decode(), causation_id="y:1", traceparent="00-1-2-01")


@pytest.mark.parametrize(("cause", "expected"), [
    (Cause(actor="actor:a"), (b"actor:a", b"")),
    (FULL, ("\u00e9".encode(), REQUEST.encode())),
])  # fmt: skip
def test_the_cause_of_any_number_of_events_is_read(cause: Cause, expected: tuple[bytes, bytes]) -> None:
    for events in (ONE_OF_EACH, *([event] for event in ONE_OF_EACH)):
        body = commit_of(STREAM.decode(), 8, events, cause=cause, time=NOON, writer="w").body
        assert BodyLayout([event.type for event in events], 9).cause(body, STREAM, MOMENT) == expected


@pytest.mark.parametrize("changed", [
    BODY[:-1],
    BODY + b"]",
    BODY.replace(b'"version":3', b'"version":-3'),
    BODY.replace(b'"version":2', b'"version":3'),
    BODY.replace(b'{"actor":"actor:a"', b'{"actor":"actor:b"', 1),
    BODY.replace(b'"actor":"actor:a"', b'"actor":"developer:a"'),
    BODY.replace(b'"correlationid":"generation-g"', b'"correlationid":"generation-h"'),
    BODY.replace(b'"requestid":"0', b'"requestid":"1', 1),
    BODY.replace(f'"requestid":"{REQUEST}",'.encode(), b"", 1),
    BODY.replace(b'"requestid":"0', b'"requestid":"\\'),
    BODY.replace(b'"data":{', b'"data":{"dataschema":"urn:exemplar:event:x:1","stream":"x",', 1),
    BODY.replace(b'"datacontenttype":"application/json",', b"", 1),
    BODY.replace(b'"specversion":"1.0"', b'"specversion":"1.1"', 1),
    BODY.replace(b'"subject":"generation-g"', b'"subject":"generation-h"', 1),
    BODY.replace(b"12:00:00.000000Z", b"12:00:00.001000Z", 1),
    BODY.replace(b"12:00:00.000000Z", b"12:00:00.001000Z"),
    BODY.replace(b"T12:00:00.000000Z", b" 12:00:00.000000Z"),
    BODY.replace(b"12:00:00.000000Z", b"12:00:00.0000000"),
    BODY.replace(b"12:00:00.000000Z", b"99:00:00.000000Z"),
    BODY.replace(b'"correlationid":"generation-g"', b'"correlationid":"\0"'),
    BODY.replace(b'"actor":"actor:a"', b'"actor":"actor:\xff"'),
    BODY.replace(b'"data":{', b'"data":{},"dataschema":"urn:x","version":1},{"actor":"y","data":{', 1),
    b"[]",
    b"",
])  # fmt: skip
def test_another_body_is_left_to_the_parser(changed: bytes) -> None:
    assert changed != BODY
    assert LAYOUT.cause(BODY, STREAM, MOMENT) is not None
    assert LAYOUT.cause(changed, STREAM, MOMENT) is None


@pytest.mark.parametrize(("stream", "first", "types", "moment"), [
    (b"generation-h", 1, TYPES, MOMENT),
    (STREAM, 2, TYPES, MOMENT),
    (STREAM, 1, TYPES[:2], MOMENT),
    (STREAM, 1, (TYPES[1], TYPES[0], TYPES[2]), MOMENT),
    (STREAM, 1, TYPES, MOMENT + 1),
])  # fmt: skip
def test_other_fields_beside_a_body_are_told_by_the_parser(
    stream: bytes, first: int, types: tuple[str, ...], moment: int
) -> None:
    assert BodyLayout(types, first).cause(BODY, stream, moment) is None
