from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.webhooks.retry_schedule import JITTER, LONGEST_PAUSE, PAUSES, next_attempt, read_retry_after

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
JITTERS = st.floats(-1, 1)
FAILURES = st.integers(0, 30)
WAITS = st.none() | st.timedeltas(timedelta(0), timedelta(days=400))


def test_there_are_ten_attempts_over_seventy_five_hours() -> None:
    assert len(PAUSES) == 10
    assert timedelta(hours=75) <= sum(PAUSES, timedelta()) <= timedelta(hours=76)
    assert [next_attempt(n, NOW, jitter=0, retry_after=None) for n in range(11)] == [
        *(NOW + pause for pause in PAUSES),
        None,
    ]


@given(FAILURES, JITTERS, WAITS)
def test_an_attempt_is_due_within_its_pause_and_jitter(failures: int, jitter: float, wait: timedelta | None) -> None:
    due = next_attempt(failures, NOW, jitter=jitter, retry_after=wait)
    if failures >= len(PAUSES):
        assert due is None
        return
    assert due is not None
    second = timedelta(seconds=1)
    asked = min(wait or timedelta(0), LONGEST_PAUSE)
    assert due - NOW >= max(PAUSES[failures] * (1 - JITTER), asked) - second
    assert due - NOW <= max(PAUSES[failures] * (1 + JITTER), asked) + second


@given(st.integers(1, 8), JITTERS, JITTERS)
def test_pauses_grow_despite_the_jitter(failures: int, one: float, other: float) -> None:
    sooner = next_attempt(failures, NOW, jitter=one, retry_after=None)
    later = next_attempt(failures + 1, NOW, jitter=other, retry_after=None)
    assert sooner is not None
    assert later is not None
    assert failures == 8 or sooner < later


@given(st.floats(0.00001, 1), FAILURES)
def test_a_scale_shortens_every_pause_equally(scale: float, failures: int) -> None:
    full = next_attempt(failures, NOW, jitter=0.5, retry_after=None)
    short = next_attempt(failures, NOW, jitter=0.5, retry_after=None, scale=scale)
    assert (full is None) == (short is None)
    if full and short:
        assert abs((short - NOW) - (full - NOW) * scale) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta(0)),
        ("Fri, 20 Nov 2026 12:10:00 GMT", timedelta(minutes=10)),
        ("Fri, 20 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("99999999999999999999", LONGEST_PAUSE),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (None, None),
        ("Fri, 99 Nov 2026 12:10:00 GMT", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(text: str | None, wait: timedelta | None) -> None:
    assert read_retry_after(text, NOW) == wait


@given(st.text(max_size=60))
def test_any_retry_after_text_is_read_or_ignored(text: str) -> None:
    wait = read_retry_after(text, NOW)
    assert wait is None or wait >= timedelta(0)
