"""What a client is told of the queue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from domain.accounts.slot_wait import TYPICAL_SECONDS
from domain.controls.controls import Control, Target
from domain.generation.explanation import Ahead
from domain.generation.forecast import Forecast, Obstacle, forecast, slot_since
from domain.generation.generation import Generation
from events.event import Event
from tests.builders.controls import control
from tests.builders.generation import (
    CANCELED,
    RESERVED,
    START,
    START_BY,
    TO_INTENDED,
    TO_REQUESTED,
    TO_STARTED,
    TO_VALIDATED,
    VALIDATED,
    failed,
    folded,
    recorded,
    refused,
    requested,
)

NOW = START + timedelta(seconds=8)
QUEUED = requested(queued=True)


def foretold(
    *events: Event, slot_in: float = 0.0, paused: float | None = None, held_by: Sequence[Control] = ()
) -> Forecast:
    until = None if paused is None else NOW + timedelta(seconds=paused)
    return forecast(
        folded(events),
        now=NOW,
        durations=[5.0, 10.0, 30.0],
        ahead=Ahead(2),
        slot_in=slot_in,
        paused_until=until,
        held_by=held_by,
    )


def after(seconds: float) -> object:
    return NOW + timedelta(seconds=seconds)


def test_one_that_waits_for_a_slot_starts_when_it_gets_it() -> None:
    found = foretold(QUEUED, VALIDATED, slot_in=20)
    assert (found.position, found.start, found.completion) == (Ahead(2), after(20), after(30))
    assert (found.basis, found.generations, found.possible, found.reason) == ("recent_generations", 3, True, None)


def test_a_pause_of_the_provider_and_of_its_own_delay_the_start() -> None:
    found = foretold(*TO_VALIDATED, paused=60)
    assert (found.start, found.possible, found.reason) == (after(60), False, Obstacle.PROVIDER_PAUSED)
    waits = foretold(*TO_INTENDED, refused(retry_at=NOW + timedelta(seconds=9), code="provider_throttled"))
    assert (waits.start, waits.possible) == (after(9), True)


def test_what_an_operator_holds_back_cannot_start() -> None:
    kinds = (
        (Target("maintenance"), Obstacle.MAINTENANCE),
        (Target("provider", "replicate"), Obstacle.PROVIDER_STOPPED),
        (Target("developer", "dev-1"), Obstacle.PAUSED),
        (Target("project", "prj-1"), Obstacle.PAUSED),
    )
    for target, reason in kinds:
        found = foretold(*TO_VALIDATED, held_by=[control(target)])
        assert (found.position, found.start, found.possible, found.reason) == (Ahead(2), None, False, reason)
    assert foretold(*TO_INTENDED, held_by=[control(Target("maintenance"))]).possible, "it is sent already"


def test_the_farthest_end_of_what_holds_it_back_is_its_start_if_all_are_known() -> None:
    near, far, over, unknown = (
        replace(control(Target("maintenance")), expected_end=end)
        for end in (NOW + timedelta(seconds=60), NOW + timedelta(seconds=90), NOW - timedelta(seconds=1), None)
    )
    found = foretold(*TO_VALIDATED, held_by=[near, far])
    assert (found.start, found.completion, found.reason) == (after(90), after(100), Obstacle.MAINTENANCE)
    for not_known in (over, unknown):
        assert foretold(*TO_VALIDATED, held_by=[near, not_known]).start is None
    late = foretold(*TO_VALIDATED, held_by=[replace(near, expected_end=START_BY)])
    assert (late.start, late.reason) == (None, Obstacle.MAINTENANCE), "it will have failed by then"


def test_what_would_start_after_its_deadline_cannot_start() -> None:
    late = (START_BY - NOW).total_seconds()
    found = foretold(QUEUED, VALIDATED, slot_in=late)
    assert (found.start, found.completion, found.possible, found.reason) == (None, None, False, Obstacle.START_BY)
    assert foretold(QUEUED, VALIDATED, slot_in=late - 1).possible


def test_what_is_being_cancelled_does_not_start() -> None:
    found = foretold(*TO_REQUESTED, CANCELED)
    assert (found.start, found.possible, found.reason) == (None, False, Obstacle.CANCELING)


def test_a_started_one_ends_like_those_that_ran_longer() -> None:
    started = folded(TO_STARTED)
    found = forecast(started, now=START + timedelta(seconds=12), durations=[5.0, 10.0, 30.0])
    assert (found.position, found.start) == (None, started.started_at)
    assert found.completion == START + timedelta(seconds=30)


def test_without_durations_the_basis_is_typical() -> None:
    found = forecast(folded(TO_REQUESTED), now=NOW, durations=[])
    assert (found.basis, found.generations) == ("typical", 0)
    assert found.completion == after(TYPICAL_SECONDS)


RESERVED_AT = recorded((QUEUED, VALIDATED, RESERVED))[-1].time
FAILED = (QUEUED, VALIDATED, failed("canceled", "validated"))


@pytest.mark.parametrize(
    ("events", "since"),
    [
        (TO_STARTED, START),
        ((QUEUED, VALIDATED), None),
        ((QUEUED, VALIDATED, RESERVED), RESERVED_AT),
        (FAILED, recorded(FAILED)[-1].time),
    ],
    ids=["never queued", "waits", "has its slot", "never got one"],
)
def test_since_when_it_has_its_slot(events: tuple[Event, ...], since: object) -> None:
    generation: Generation = folded(events)
    assert slot_since(generation) == since
