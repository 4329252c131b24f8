"""The oracle of double charges: what it accepts and what it reports."""

from datetime import timedelta
from typing import Any

import pytest

from domain.generation.fold import fold
from domain.generation.generation import stream_of
from events.commit import commit_of
from events.envelope import Cause
from events.event import Event
from events.invocation import DuplicateFound
from events.owner import CancelRequested
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
from tests.journeys.charges import History, check_charges

DUPLICATE = DuplicateFound(attempt=1, prediction="p9", predict_seconds=None)


def history(*events: Event) -> History:
    """One event a second."""
    cause = Cause(actor="test")
    commits = [
        commit_of(stream_of(ID), n, [event], cause=cause, time=START + timedelta(seconds=n), writer="w")
        for n, event in enumerate(events)
    ]
    generation = fold(event for commit in commits for event in commit.events)
    assert generation is not None
    return History(generation, commits)


def made(attempt: int, prediction: str = "p1") -> dict[str, Any]:
    return {"attempt": attempt, "prediction": prediction}


LOST_ONCE = history(*TO_INTENDED, lost(1), intended(2), started(2))


def test_one_creation_for_the_recorded_attempt_passes() -> None:
    check_charges(LOST_ONCE, [made(2)], overslept=False)


def test_a_recorded_loss_does_not_excuse_a_creation() -> None:
    with pytest.raises(AssertionError, match="called lost although it was made"):
        check_charges(LOST_ONCE, [made(1), made(2)], overslept=False)


def test_a_wrong_loss_is_excused_only_after_a_long_stop_when_the_duplicate_was_found() -> None:
    found = history(*TO_INTENDED, lost(1), intended(2), started(2), DUPLICATE)
    check_charges(found, [made(1, "p9"), made(2)], overslept=True)
    with pytest.raises(AssertionError, match="the log does not know"):
        check_charges(LOST_ONCE, [made(1, "p9"), made(2)], overslept=True)


def test_two_creations_for_one_intention_always_fail() -> None:
    with pytest.raises(AssertionError, match="paid twice"):
        check_charges(LOST_ONCE, [made(2), made(2, "p9")], overslept=True)


def test_a_creation_for_a_refused_attempt_fails() -> None:
    with pytest.raises(AssertionError, match="recorded as refused"):
        check_charges(history(*TO_INTENDED, refused(1)), [made(1)], overslept=True)


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
def test_a_prediction_is_unwanted_once_it_is_known_and_no_longer_wanted(
    events: tuple[Event, ...], prediction: str, since: int | None
) -> None:
    expected = None if since is None else START + timedelta(seconds=since)
    assert history(*events).unwanted_since(prediction) == expected
