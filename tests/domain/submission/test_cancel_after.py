from datetime import timedelta
from functools import partial

import pytest

from domain.generation import decisions
from domain.submission.request_headers import read_duration
from tests.builders.generation import CANCELED, START, TO_STARTED, TO_VALIDATED, failed, given, requested

SOON = START + timedelta(seconds=30)
LONG_TIMEOUTS = requested(start_by=SOON, finish_by=SOON, cancel_after=30)
GAVE_UP = failed("cancel_after", "deadline", retryable=True)
EXPIRED = partial(decisions.expire, now=SOON)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        ("30s", 30),
        ("5m", 300),
        ("5m30s", 330),
        ("0h5m0s", 300),
        ("0h10s", 10),
        ("5", 5),
        ("00035m", 2100),
        ("2100", 2100),
    ],
)
def test_a_duration_is_parsed(text: str, seconds: int) -> None:
    assert read_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "s",
        "m",
        "soon",
        "1m30",
        "30s5m",
        "5 m",
        "5M",
        "-30",
        "+30",
        "3e1",
        "1.5m",
        "٣٠",
        "30ss",
        "9" * 400,
    ],
)
def test_an_invalid_duration_is_none(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize("text", ["0", "4", "4s", "2101", "36m", "1h", "1h30m45s", "99999h"])
def test_less_than_five_seconds_and_more_than_thirty_five_minutes_are_none(text: str) -> None:
    assert read_duration(text) is None


@pytest.mark.parametrize("events", [TO_VALIDATED, TO_STARTED], ids=["before the call", "while it runs"])
def test_a_generation_fails_at_the_time_of_its_cancel_after(events: tuple) -> None:  # type: ignore[type-arg]
    given(LONG_TIMEOUTS, *events[1:]).when(EXPIRED).then(GAVE_UP)


def test_nothing_happens_before_that_time() -> None:
    given(LONG_TIMEOUTS).when(partial(decisions.expire, now=SOON - timedelta(microseconds=1))).then_nothing()


def test_an_earlier_cancellation_is_the_reason() -> None:
    given(LONG_TIMEOUTS, *TO_STARTED[1:], CANCELED).when(EXPIRED).then(failed("canceled", "deadline"))


def test_the_other_deadlines_keep_their_codes() -> None:
    late = START + timedelta(minutes=35)
    ended = failed("finish_deadline", "deadline", retryable=True)
    given(*TO_STARTED).when(partial(decisions.expire, now=late)).then(ended)
