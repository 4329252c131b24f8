"""Decisions that are made again: the same by the same rules, and the first that differs by others."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.tiers import TIERS, Tier
from domain.audit.history_judge import judge
from domain.audit.judgement import Answer, Beside, Rules, Verdict
from domain.generation.lifecycle import Timeouts
from domain.submission.instructions import parse_instructions, seed_of
from domain.submission.model_inputs import ADMITTED
from events.envelope import RecordedEvent
from events.event import Event
from events.owner import CancelRequested, GenerationErased, GenerationPublished
from events.quota import QuotaReserved, QuotaSettled
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    START,
    VALIDATED,
    failed,
    intended,
    lost,
    recorded,
    refused,
    requested,
    settled,
    started,
)

TEXT = '{"prompt": "a quiet harbour"}'
SALT = b"salt"
RULES = Rules(Timeouts(), TIERS, "first", ADMITTED)
SEED = seed_of(None, parse_instructions(TEXT, ceilings=ADMITTED), SALT)
FIRST = VALIDATED.model_copy(update={"composition": "single", "seed": SEED})
RESERVED = QuotaReserved(period="2026-11", used=60, limit=100, slots=1, slot_limit=1)
ENDED = settled().model_copy(update={"answer": "a" * 64})
SPENT, RELEASED = QuotaSettled(period="2026-11", outcome="spent"), QuotaSettled(period="2026-11", outcome="released")
BESIDE = Beside(TEXT, SALT, {"p1": Answer(("https://out/1.png",), None)})
TO_STARTED = (requested(), FIRST, RESERVED, intended(), started())
WHOLE = (*TO_STARTED, ENDED, COMPLETED, SPENT, GenerationPublished(is_public=True), GenerationErased())
NO_OUTPUT = settled(outcome="failed").model_copy(update={"answer": "a" * 64, "code": "provider_failed"})


def verdict(events: Sequence[Event], rules: Rules = RULES, beside: Beside | None = BESIDE) -> Verdict:
    return judge(recorded(events), beside, rules)


def difference(events: Sequence[Event], rules: Rules = RULES, beside: Beside | None = BESIDE) -> tuple[str, str]:
    found = verdict(events, rules, beside).difference
    assert found is not None
    return found.event.rpartition(":")[2], found.today


HISTORIES: dict[str, tuple[Event, ...]] = {
    "completed": WHOLE,
    "invalid": (requested(), failed("invalid_image", "validation"), RELEASED),
    "refused": (*TO_STARTED[:4], refused(), intended(2), started(2)),
    "refused for good": (*TO_STARTED[:4], refused(retry_at=None), failed("provider_refused", "invocation"), RELEASED),
    "lost": (*TO_STARTED[:4], lost(), intended(2), lost(2), intended(3), lost(3)),
    "canceled early": (requested(), FIRST, CANCELED, failed("canceled", "validated"), RELEASED),
    "canceled late": (*TO_STARTED, CancelRequested(erase=True), ENDED, failed("canceled", "completion")),
    "failed": (*TO_STARTED, NO_OUTPUT, failed("provider_failed", "completion", retryable=True), RELEASED),
    "output gone": (*TO_STARTED, ENDED, failed("output_unavailable", "completion", retryable=True), RELEASED),
}
LOST_LATER = {"lost": (*HISTORIES["lost"], failed("invocation_lost", "invocation", retryable=True), RELEASED)}


@pytest.mark.parametrize("events", {**HISTORIES, **LOST_LATER}.values(), ids={**HISTORIES, **LOST_LATER}.keys())
def test_the_same_rules_come_to_the_same(events: tuple[Event, ...]) -> None:
    beside = BESIDE
    if NO_OUTPUT in events:
        beside = replace(BESIDE, answers={"p1": Answer((), "out of memory")})
    claims = replace(RULES, timeouts=Timeouts(claim=timedelta(seconds=1)))  # a second lies between two events
    found = verdict(events, claims if lost() in events else RULES, beside)
    assert (found.difference, found.unknown) == (None, {})


def with_tier(**limits: int | None) -> Rules:
    tier = replace(TIERS["free_starter"], **limits)  # type: ignore[arg-type]
    return replace(RULES, tiers={tier.name: tier})


def test_a_lower_limit_denies_what_was_reserved_above_it() -> None:
    assert difference(WHOLE, with_tier(monthly=59)) == ("3", "generation.failed quota_exceeded")
    assert difference(WHOLE, with_tier(concurrent=0)) == ("3", "generation.failed quota_exceeded")
    assert verdict(WHOLE, with_tier(monthly=60)).difference is None
    gone: dict[str, Tier] = {}
    assert verdict(WHOLE, replace(RULES, tiers=gone)).difference is None


def test_a_shorter_time_ends_what_took_longer() -> None:
    shorter = replace(RULES, timeouts=Timeouts(in_all=timedelta(minutes=20), to_start=timedelta(minutes=5)))
    late = recorded(WHOLE[:6]) + recorded(WHOLE[6:], after=6, time=START + timedelta(minutes=25))
    assert judge(late, BESIDE, RULES).difference is None
    found = judge(late, BESIDE, shorter).difference
    assert found is not None
    assert (found.event.rpartition(":")[2], found.today) == ("7", "generation.failed finish_deadline")
    assert judge(recorded(WHOLE), BESIDE, shorter).difference is None


def test_a_longer_time_does_not_end_what_was_ended() -> None:
    ended: list[RecordedEvent] = recorded(TO_STARTED) + recorded(
        [failed("finish_deadline", "deadline", retryable=True)], after=5, time=START + timedelta(minutes=36)
    )
    assert judge(ended, BESIDE, RULES).difference is None
    longer = replace(RULES, timeouts=Timeouts(in_all=timedelta(minutes=60)))
    found = judge(ended, BESIDE, longer).difference
    assert found is not None
    assert (found.type, found.recorded, found.today) == (
        "generation.failed",
        "generation.failed finish_deadline",
        "nothing",
    )


def test_another_default_composition_and_lower_ceilings_are_found() -> None:
    several = FIRST.model_copy(update={"examples": FIRST.examples * 2, "composition": "first"})
    events = (requested(), several)
    assert verdict(events).difference is None
    assert difference(events, replace(RULES, composition="blend"))[1].startswith(
        "generation.validated with composition"
    )
    asked = Beside('{"prompt": "x", "num_inference_steps": 400}', SALT, {})
    assert difference([requested()], replace(RULES, ceilings=replace(ADMITTED, steps=50)), asked) == (
        "1",
        "refused as invalid_instructions_value",
    )


def test_an_answer_that_is_judged_otherwise_is_found() -> None:
    withheld = replace(BESIDE, answers={"p1": Answer((), None)})
    event, today = difference(WHOLE, beside=withheld)
    assert event == "6"
    assert 'code "content_flagged" instead of null' in today


def test_what_the_rules_forbid_today_is_found() -> None:
    assert difference([requested(), COMPLETED]) == ("2", "generation.completed is not allowed after requested")


@pytest.mark.parametrize(
    ("events", "beside", "reasons"),
    [
        (WHOLE, None, {"personal_data_gone": "1", "answer_gone": "6"}),
        (WHOLE, replace(BESIDE, answers={}), {"answer_gone": "6"}),
        (WHOLE, replace(BESIDE, answers={"p1": "answer_differs"}), {"answer_differs": "6"}),
        ((*TO_STARTED, settled(), COMPLETED), BESIDE, {"answer_not_recorded": "6"}),
        (
            (requested(), FIRST, failed("quota_exceeded", "quota", retryable=True)),
            BESIDE,
            {"counts_not_recorded": "3"},
        ),
    ],
)
def test_what_lacks_something_is_not_decidable_and_never_the_same(
    events: tuple[Event, ...], beside: Beside | None, reasons: dict[Any, str]
) -> None:
    found = verdict(events, beside=beside)
    assert found.difference is None
    assert {reason: event.rpartition(":")[2] for reason, event in found.unknown.items()} == reasons


def test_a_difference_is_found_behind_what_is_not_decidable() -> None:
    assert difference(WHOLE, with_tier(monthly=1), None)[0] == "3"
