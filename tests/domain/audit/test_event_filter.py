"""Positions between bounds, compared with a log that is a list of times."""

from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from domain.audit.event_filter import Bounds, EventFilter, range_of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
TIMES = st.lists(st.integers(0, 5), max_size=8).map(sorted)
SENT = st.one_of(st.none(), st.integers(0, 6))


def first_from(times: list[int], moment: int | None) -> int | None:
    """Find the first position that was recorded then or later, one behind the last if there is none."""
    if moment is None:
        return None
    return next((position for position, time in enumerate(times, 1) if time >= moment), len(times) + 1)


@given(TIMES, SENT, SENT, SENT, SENT)
def test_a_range_holds_exactly_the_positions_between_all_bounds(
    times: list[int], after: int | None, before: int | None, start: int | None, end: int | None
) -> None:
    head = len(times)
    after, before = min(after or 0, head), None if before is None else max(1, min(before, head + 1))
    moments = [None if at is None else NOON + timedelta(seconds=at) for at in (start, end)]
    bounds = Bounds(after=after, before=before, recorded_from=moments[0], recorded_before=moments[1])
    found = range_of(bounds, head, first_at=first_from(times, start), last_at=first_from(times, end))
    expected = [
        position
        for position, time in enumerate(times, 1)
        if position > after
        and (before is None or position < before)
        and (start is None or time >= start)
        and (end is None or time < end)
    ]
    assert list(range(found.first, found.last + 1)) == expected


@given(TIMES, SENT, SENT, st.lists(st.integers(0, 9), max_size=4))
@example(times=[0], before=None, end=6, added=[3])
def test_nothing_is_added_to_a_closed_range_when_the_log_grows(
    times: list[int], before: int | None, end: int | None, added: list[int]
) -> None:
    before = None if before is None else max(1, min(before, len(times) + 1))
    grown = [*times, *sorted(max([*times[-1:], time]) for time in added)]
    ranges = []
    for log in (times, grown):
        bounds = Bounds(before=before, recorded_before=None if end is None else NOON)
        ranges.append(range_of(bounds, len(log), first_at=None, last_at=first_from(log, end)))
    assert not ranges[0].closed or ranges[0] == ranges[1]


def test_the_rarest_term_bounds_a_query() -> None:
    wanted = EventFilter(type="generation.failed", project="prj-1", request_id="r-1", developer="dev-1")
    assert wanted.terms == ["request_id=r-1", "project=prj-1", "developer=dev-1", "type=generation.failed"]
    assert EventFilter(generation="g", user="usr-1").terms == ["correlation_id=generation-g", "user=usr-1"]
    assert EventFilter(generation="g", user="usr-1").stream == "generation-g"
    assert EventFilter().terms == []
