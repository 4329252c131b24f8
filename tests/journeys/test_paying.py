"""The oracle of double charges itself: what it excuses, and what it must not."""

from datetime import timedelta
from typing import Any

import pytest

from domain.generation.fold import fold
from domain.generation.generation import stream_of
from events.commit import commit_of
from events.envelope import Cause
from events.event import Event
from events.generation import CancelRequested, DuplicateFound
from tests.builders.generation import (
    ID,
    START,
    TO_INTENDED,
    TO_SETTLED,
    TO_STARTED,
    failed,
    intended,
    lost,
    refused,
    settled,
    started,
)
from tests.journeys.paying import Life, judge

DUPLICATE = DuplicateFound(attempt=1, prediction="p9", predict_seconds=None)


def life(*events: Event) -> Life:
    """One event a second."""
    cause = Cause(actor="test")
    commits = [
        commit_of(stream_of(ID), n, [event], cause=cause, time=START + timedelta(seconds=n), writer="w")
        for n, event in enumerate(events)
    ]
    generation = fold(event for commit in commits for event in commit.events)
    assert generation is not None
    return Life(generation, commits)


def made(attempt: int, prediction: str = "p1") -> dict[str, Any]:
    return {"attempt": attempt, "prediction": prediction}


LOST_ONCE = life(*TO_INTENDED, lost(1), intended(2), started(2))


def test_one_creation_for_the_attempt_that_is_known_is_right() -> None:
    judge(LOST_ONCE, [made(2)], overslept=False)


def test_a_loss_is_no_excuse_when_something_was_made() -> None:
    with pytest.raises(AssertionError, match="called lost although it was made"):
        judge(LOST_ONCE, [made(1), made(2)], overslept=False)


def test_a_false_loss_is_excused_only_where_somebody_overslept_and_the_second_was_found() -> None:
    found = life(*TO_INTENDED, lost(1), intended(2), started(2), DUPLICATE)
    judge(found, [made(1, "p9"), made(2)], overslept=True)
    with pytest.raises(AssertionError, match="nobody knows"):
        judge(LOST_ONCE, [made(1, "p9"), made(2)], overslept=True)


def test_one_intention_pays_once_whatever_is_excused() -> None:
    with pytest.raises(AssertionError, match="paid twice"):
        judge(LOST_ONCE, [made(2), made(2, "p9")], overslept=True)


def test_what_was_refused_was_not_made() -> None:
    with pytest.raises(AssertionError, match="recorded as refused"):
        judge(life(*TO_INTENDED, refused(1)), [made(1)], overslept=True)


@pytest.mark.parametrize(
    ("events", "prediction", "since"),
    [
        ((*TO_STARTED,), "p1", None),
        ((*TO_SETTLED, CancelRequested()), "p1", None),
        ((*TO_STARTED, CancelRequested()), "p1", 5),
        ((*TO_INTENDED, CancelRequested(), started()), "p1", 5),
        ((*TO_STARTED, CancelRequested(), settled()), "p1", 5),
        ((*TO_STARTED, failed("timed_out", "deadline")), "p1", 5),
        ((*TO_STARTED, DUPLICATE), "p9", 5),
        ((*TO_STARTED, DUPLICATE), "p1", None),
    ],
)
def test_a_prediction_is_unwanted_from_the_moment_that_it_is_known_and_not_wanted(
    events: tuple[Event, ...], prediction: str, since: int | None
) -> None:
    expected = None if since is None else START + timedelta(seconds=since)
    assert life(*events).unwanted_since(prediction) == expected
