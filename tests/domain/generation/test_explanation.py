import re
from datetime import timedelta

import pytest

from domain.controls.controls import Control, Target
from domain.generation.explanation import ACCOUNT_FAULTS, Ahead, Explanation, Reason, explain
from domain.generation.lifecycle import Timeouts
from events.event import Event
from events.invocation import GenerationProgressed
from tests.builders.controls import control
from tests.builders.generation import (
    CANCELED,
    CLAIM_UNTIL,
    FINISH_BY,
    START,
    START_BY,
    TO_COMPLETED,
    TO_FAILED,
    TO_INTENDED,
    TO_REQUESTED,
    TO_RESERVED,
    TO_SETTLED,
    TO_STARTED,
    TO_VALIDATED,
    TO_WAITING,
    VALIDATED,
    folded,
    lost,
    recorded,
    refused,
    requested,
)

NOW = START + timedelta(seconds=8)
LATER = START + timedelta(seconds=60)


HELD_BY = {
    Reason.MAINTENANCE: control(Target("maintenance")),
    Reason.PROVIDER_STOPPED: control(Target("provider", "replicate")),
    Reason.PAUSED: control(Target("project", "prj-1")),
}


def explained(*events: Event, held_by: Control | None = None) -> Explanation:
    return explain(folded(events), now=NOW, timeouts=Timeouts(), held_by=held_by)


WAITS: dict[Reason, tuple[Event, ...]] = {
    Reason.VALIDATION: TO_REQUESTED,
    Reason.SLOT: (requested(queued=True), VALIDATED),
    Reason.QUOTA_SLOT: TO_VALIDATED,
    **dict.fromkeys(HELD_BY, TO_RESERVED),
    Reason.CLAIM: TO_RESERVED,
    Reason.INVOCATION: TO_INTENDED,
    Reason.PROVIDER_THROTTLE: (*TO_INTENDED, refused(retry_at=LATER, code="provider_throttled")),
    Reason.PROVIDER_UNREACHABLE: (*TO_INTENDED, refused(retry_at=LATER, code="ConnectError")),
    Reason.CIRCUIT: (*TO_INTENDED, refused(retry_at=LATER, code="provider_payment")),
    Reason.PROVIDER: TO_STARTED,
    Reason.RESULT: TO_SETTLED,
    Reason.CANCELING: (*TO_STARTED, CANCELED),
    Reason.FINAL: TO_COMPLETED,
}
UNSENT = {
    *HELD_BY,
    Reason.VALIDATION,
    Reason.SLOT,
    Reason.QUOTA_SLOT,
    Reason.CLAIM,
    Reason.PROVIDER_THROTTLE,
    Reason.PROVIDER_UNREACHABLE,
    Reason.CIRCUIT,
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_its_state_numbers_and_sentence(reason: Reason) -> None:
    events = WAITS[reason]
    found = explained(*events, held_by=HELD_BY.get(reason))
    assert found.reason is reason
    assert found.since == recorded(events)[-1].time
    assert re.fullmatch(r"[A-Z][^.]+\.", found.sentence)
    if reason is Reason.FINAL:
        assert (found.deadline, found.next_try_at, found.waited_ms) == (None, None, 0)
    else:
        assert found.deadline == (START_BY if reason in UNSENT else FINISH_BY)
        assert found.waited_ms == (NOW - found.since) // timedelta(milliseconds=1)


@pytest.mark.parametrize("reason", [Reason.PROVIDER_THROTTLE, Reason.PROVIDER_UNREACHABLE, Reason.CIRCUIT])
def test_the_next_try_is_at_the_time_that_the_provider_named(reason: Reason) -> None:
    assert explained(*WAITS[reason]).next_try_at == LATER


def test_what_is_sent_already_is_not_held_back() -> None:
    found = explained(*TO_STARTED, held_by=HELD_BY[Reason.PAUSED])
    assert found.reason is Reason.PROVIDER


def test_the_sentence_of_a_call_with_unknown_outcome() -> None:
    found = explained(*TO_INTENDED)
    assert found.sentence == "Attempt 1 was sent 5 s ago; its outcome is not known yet."


def test_every_refusal_of_the_account_opens_the_circuit() -> None:
    for code in ACCOUNT_FAULTS:
        assert explained(*TO_INTENDED, refused(retry_at=LATER, code=code)).reason is Reason.CIRCUIT


def test_a_lost_attempt_waits_for_the_next_claim_also_after_a_throttled_one() -> None:
    again = explained(*TO_INTENDED, lost())
    assert (again.reason, again.attempt, again.next_try_at) == (Reason.CLAIM, 1, None)
    assert "attempt 2" in again.sentence


def test_an_expired_claim_is_checked() -> None:
    assert explained(*TO_INTENDED).next_try_at == CLAIM_UNTIL


def test_a_time_in_the_past_is_no_next_try() -> None:
    late = explain(folded(TO_REQUESTED), now=START + timedelta(minutes=1), timeouts=Timeouts())
    assert (late.next_try_at, late.waited_ms) == (None, 60_000)


def test_progress_is_given_in_percent() -> None:
    found = explained(*TO_STARTED, GenerationProgressed(percent=40))
    assert (found.percent, found.attempt) == (40, 1)
    assert "40 percent" in found.sentence


def test_the_wait_for_a_cancellation_counts_from_the_first_request() -> None:
    found = explained(*TO_STARTED, CANCELED, GenerationProgressed(percent=40), CANCELED.model_copy())
    assert found.since == recorded((*TO_STARTED, CANCELED))[-1].time


def test_cancel_after_is_the_deadline() -> None:
    soon = START + timedelta(seconds=30)
    found = explained(requested(start_by=soon, finish_by=soon, cancel_after=30), *TO_WAITING[1:])
    assert found.deadline == soon


def test_a_failed_generation_names_its_code() -> None:
    assert explained(*TO_FAILED).sentence == "It failed: invalid_image."


BEHIND = {
    Ahead(0): "decoded.",
    Ahead(1): "decoded, behind 1 other.",
    Ahead(7): "decoded, behind 7 others.",
    Ahead(1_000, exact=False): "decoded, behind at least 1000 others.",
}


@pytest.mark.parametrize("ahead", BEHIND)
def test_the_sentence_contains_the_queue_position(ahead: Ahead) -> None:
    found = explain(folded(TO_REQUESTED), now=NOW, timeouts=Timeouts(), ahead=ahead)
    assert found.position == ahead
    assert found.sentence.endswith(BEHIND[ahead])


def test_a_final_generation_has_no_queue_position() -> None:
    found = explain(folded(TO_COMPLETED), now=NOW, timeouts=Timeouts(), ahead=Ahead(3))
    assert (found.position, found.sentence) == (None, "It is completed.")


def test_provider_since_is_the_time_of_the_claim() -> None:
    claimed = recorded(TO_INTENDED)[-1].time
    assert explained(*TO_INTENDED).provider_since == claimed
    assert explained(*TO_STARTED, GenerationProgressed(percent=40)).provider_since == claimed
    assert explained(*TO_WAITING).provider_since is None
    assert explained(*TO_SETTLED).provider_since is None
