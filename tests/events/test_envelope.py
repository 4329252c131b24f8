import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.commit import commit_from, commit_of
from events.envelope import Cause, RecordedEvent, format_time, from_cloudevent, parse_time
from events.event import Event
from store.commits.document import readable
from tests.builders.generation import ID, ONE_OF_EACH, recorded, requested, settled

CAUSE = Cause(actor="actor:test", request_id="req-1")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@given(st.data())
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_event_survives_the_round_trip_through_a_commit(
    any_event: st.SearchStrategy[Event], any_cause: st.SearchStrategy[Cause], data: st.DataObject
) -> None:
    events = data.draw(st.lists(any_event, min_size=1, max_size=3))
    cause = data.draw(any_cause)
    expected = data.draw(st.integers(0, 10_000))
    commit = commit_of("generation-x", expected, events, cause=cause, time=NOON, writer="w")
    assert commit_from(commit.body, writer="w") == commit
    assert (commit.id, commit.last) == (f"generation-x:{expected + 1}", expected + len(events))


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_bytes_of_a_commit_depend_on_its_content_only(
    any_event: st.SearchStrategy[Event], data: st.DataObject
) -> None:
    event = data.draw(any_event)
    again = type(event).model_validate(event.model_dump())
    bodies = {
        commit_of("s", 0, [one], cause=CAUSE, time=time, writer=writer).body
        for one, writer, time in (
            (event, "w1", NOON),
            (again, "w2", NOON.astimezone(timezone(timedelta(hours=-7)))),
        )
    }
    assert len(bodies) == 1


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.type)
def test_another_library_reads_the_cloudevents(event: Event) -> None:
    [ours] = recorded([event])
    text = json.dumps(ours.to_cloudevent())
    theirs = JSONFormat().read(CloudEvent, text)
    assert theirs.get_specversion() == "1.0"
    assert theirs.get_type() == event.type
    assert theirs.get_id() == f"generation-{ID}:1"
    assert theirs.get_source() == "urn:exemplar"
    assert theirs.get_subject() == ours.stream
    assert theirs.get_time() == ours.time
    assert theirs.get_data() == event.model_dump(mode="json")
    assert theirs.get_extension("version") == 1
    assert from_cloudevent(json.loads(JSONFormat().write(theirs))) == ours


def test_extensions_without_a_value_are_omitted() -> None:
    envelope = RecordedEvent("s", 1, NOON, requested(), Cause(actor="operator")).to_cloudevent()
    assert {"requestid", "correlationid", "causationid", "traceparent"}.isdisjoint(envelope)


GOOD = commit_of("generation-x", 0, [requested()], cause=CAUSE, time=NOON, writer="w").body
_SHORT = (b"[]", b"{}", b"null", b"3", b'"text"', b"not json", b"[{}]", b"[null]", b"[[]]")
MALFORMED = {
    **{body.decode(): body for body in _SHORT},
    "a stream alone": b'[{"stream":"s"}]',
    "deep nesting": b"[" * 100_000,
    "bytes that are no UTF-8": GOOD.replace(b"generation-x", b"generation-\xff"),
    "half of a surrogate pair": GOOD.replace(b"generation-x", b"generation-\\ud800"),
    "a number that JSON does not have": GOOD.replace(b'"width":', b'"width":NaN,"widest":'),
    "an infinite version": GOOD.replace(b'"version":1', b'"version":1e999'),
    "a version that is text": GOOD.replace(b'"version":1', b'"version":"1"'),
    "a version that is no whole number": GOOD.replace(b'"version":1', b'"version":1.5'),
    "a version that is true": GOOD.replace(b'"version":1', b'"version":true'),
    "version 0": GOOD.replace(b'"version":1', b'"version":0'),
    "a stream that is a number": GOOD.replace(b'"stream":"generation-x"', b'"stream":7'),
    "a time that is a number": GOOD.replace(b'"time":"', b'"time":5,"other":"'),
    "a time before all times": GOOD.replace(b"2026-11-20T12:00:00.000000Z", b"0001-01-01T00:00:00+14:00"),
    "an actor that is a list": GOOD.replace(b'"actor":"', b'"actor":[],"other":"'),
    "a request id that is a number": GOOD.replace(b'"requestid":"req-1"', b'"requestid":1'),
    "a type that is a list": GOOD.replace(b'"type":"generation.requested"', b'"type":[]'),
    "data that are a number": GOOD.replace(b'"data":{', b'"data":7,"other":{'),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_commit_is_refused(name: str) -> None:
    assert MALFORMED[name] != GOOD
    with pytest.raises(ValueError, match=r"."):
        commit_from(MALFORMED[name])
    assert readable({"_id": "generation-x:1", "writer": "w", "body": MALFORMED[name]}) is None


@pytest.mark.parametrize("body", [None, 7, 2**70, "text", [1], {}])
def test_a_body_that_is_no_bytes_is_unreadable(body: object) -> None:
    assert readable({"_id": "generation-x:1", "writer": "w", "body": body}) is None


@pytest.mark.parametrize(("stream", "version"), [("other", 2), ("s", 3), ("s", 1)])
def test_a_commit_with_a_gap_is_refused(stream: str, version: int) -> None:
    first = RecordedEvent("s", 1, NOON, requested(), CAUSE).to_cloudevent()
    second = RecordedEvent(stream, version, NOON, settled(), CAUSE).to_cloudevent()
    with pytest.raises(ValueError, match="follow each other"):
        commit_from(json.dumps([first, second]).encode())


def test_times_are_written_in_utc_with_microseconds() -> None:
    moment = datetime(2026, 11, 20, 13, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert format_time(moment) == "2026-11-20T12:00:00.000005Z"
    assert parse_time("2026-11-20T13:00:00.000005+01:00") == moment


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_an_event_with_a_number_outside_of_json_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        type(settled()).model_validate({**settled().model_dump(), "predict_seconds": seconds})


def test_an_event_with_a_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        requested(start_by=datetime(2026, 11, 20))  # noqa: DTZ001 - the fault under test
