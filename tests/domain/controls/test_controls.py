"""Which controls concern a generation, what they refuse, and what changes them."""

from datetime import timedelta

import pytest

from domain.controls.controls import MOST, STREAM, Control, Controls, Target, apply, fold, lift
from domain.controls.refusals import refusal_of
from domain.errors import ErrorCode, ExemplarError
from events.envelope import Cause, RecordedEvent
from events.event import Event
from tests.builders.controls import control
from tests.builders.generation import START

MAINTENANCE, QUEUE_CAP = Target("maintenance"), Target("queue_cap")
PROVIDER, DEVELOPER, PROJECT = Target("provider", "replicate"), Target("developer", "dev-1"), Target("project", "prj-1")


def recorded(*events: Event, after: int = 0) -> list[RecordedEvent]:
    return [
        RecordedEvent(STREAM, version, START + timedelta(hours=version), event, Cause(actor="operator"))
        for version, event in enumerate(events, start=after + 1)
    ]


def in_force(*controls: Control) -> Controls:
    return Controls(1, {one.target.name: one for one in controls})


def after(*events: Event) -> Controls:
    return fold(recorded(*events))


@pytest.mark.parametrize("target", [PROVIDER, DEVELOPER, PROJECT], ids=lambda one: one.kind)
def test_a_stop_or_a_pause_holds_what_it_concerns_and_nothing_else(target: Target) -> None:
    controls = in_force(control(target))
    assert controls.held_by("replicate", "dev-1", "prj-1") == control(target)
    assert controls.held_by("other", "dev-2", "prj-2") is None


def test_maintenance_that_refuses_submissions_lets_the_queue_run_empty() -> None:
    assert in_force(control(MAINTENANCE, "refuse")).held_by("replicate", "dev-1", "prj-1") is None
    assert in_force(control(MAINTENANCE, "queue")).held_by("replicate", "dev-1", "prj-1") is not None


@pytest.mark.parametrize(
    ("target", "code"),
    [
        (MAINTENANCE, ErrorCode.MAINTENANCE),
        (PROVIDER, ErrorCode.PROVIDER_STOPPED),
        (DEVELOPER, ErrorCode.PAUSED),
        (PROJECT, ErrorCode.PAUSED),
    ],
)
def test_submissions_are_refused_only_where_that_was_chosen(target: Target, code: ErrorCode) -> None:
    assert refusal_of([control(target, "queue")], waiting=9, now=START) is None
    refusal = refusal_of([control(target, "refuse")], waiting=0, now=START)
    assert refusal is not None
    assert refusal.code is code


def test_a_full_queue_refuses_at_its_limit() -> None:
    cap = control(QUEUE_CAP, "refuse", limit=3)
    assert refusal_of([cap], waiting=2, now=START) is None
    refusal = refusal_of([cap], waiting=3, now=START)
    assert refusal is not None
    assert refusal.code is ErrorCode.QUEUE_FULL


@pytest.mark.parametrize(("seconds", "retry_after"), [(None, 60), (-5, 60), (1.5, 2), (90, 90), (9999, 3600)])
def test_the_expected_end_is_the_time_to_try_again(seconds: float | None, retry_after: int) -> None:
    end = None if seconds is None else START + timedelta(seconds=seconds)
    held = Control(MAINTENANCE, "refuse", "maintenance", START, expected_end=end)
    refusal = refusal_of([held], waiting=0, now=START)
    assert refusal is not None
    assert refusal.retry_after == retry_after


def test_a_control_is_applied_changed_and_lifted() -> None:
    first = apply(Controls(), control(PROJECT))
    again = in_force(control(PROJECT))
    assert apply(after(*first), control(PROJECT)) == []
    [changed] = apply(again, control(PROJECT, "refuse"))
    state = after(*first, changed)
    assert state.by_name[PROJECT.name].submissions == "refuse"
    [lifted] = lift(state, PROJECT)
    assert after(*first, changed, lifted).by_name == {}
    assert lift(Controls(), PROJECT) == []


def test_a_changed_control_keeps_the_time_since_which_it_holds() -> None:
    events = recorded(*apply(Controls(), control(PROJECT)))
    again = recorded(*apply(fold(events), control(PROJECT, "refuse")), after=1)
    state = fold(again, fold(events))
    assert state.by_name[PROJECT.name].since == events[0].time


def test_the_number_of_controls_has_a_limit() -> None:
    many = in_force(*(control(Target("project", f"prj-{number}")) for number in range(MOST)))
    with pytest.raises(ExemplarError, match="Maximum of 1000 controls"):
        apply(many, control(DEVELOPER))
    assert apply(many, control(Target("project", "prj-1"), "refuse"))
