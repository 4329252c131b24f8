from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, get_args

import hypothesis
import pytest
from hypothesis import settings as effort
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from domain.errors import FailureCode
from domain.generation import decisions, invocation
from domain.generation.fold import IllegalTransitionError, check, evolve, fold
from domain.generation.generation import Generation, State
from domain.generation.lifecycle import FINAL, RUNNING, Timeouts, due_at
from events.envelope import RecordedEvent
from events.event import Event
from events.generation import GenerationCompleted, GenerationEvent, GenerationFailed, GenerationRequested
from events.invocation import (
    DuplicateFound,
    GenerationProgressed,
    GenerationStarted,
    InvocationIntended,
    InvocationLost,
    InvocationRefused,
    PredictionSettled,
)
from events.owner import CancelRequested, GenerationErased, GenerationPublished
from events.quota import QuotaSettled
from tests.builders.generation import (
    CANCELED,
    COMPLETED,
    FINISH_BY,
    MODEL,
    ONE_OF_EACH,
    PICTURE,
    RESERVED,
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
    Decision,
    failed,
    folded,
    given,
    intended,
    lost,
    recorded,
    refused,
    requested,
    settled,
    started,
)

TIMEOUTS = Timeouts()
SECOND = timedelta(seconds=1)
EVERY_STATE = (
    TO_REQUESTED,
    TO_VALIDATED,
    TO_RESERVED,
    TO_INTENDED,
    TO_WAITING,
    TO_STARTED,
    TO_SETTLED,
    TO_COMPLETED,
    TO_FAILED,
)


def validate(g: Generation) -> list[Event]:
    return decisions.validate(g, VALIDATED)


def reserve(g: Generation) -> list[Event]:
    return decisions.reserve(g, RESERVED)


def intend(now: datetime = START) -> Decision:
    return partial(invocation.intend, now=now, timeouts=TIMEOUTS)


def start(attempt: int = 1, prediction: str = "p1") -> Decision:
    return partial(invocation.start, attempt=attempt, prediction=prediction, model=MODEL)


def refuse(attempt: int = 1, retry_at: datetime | None = START) -> Decision:
    return partial(invocation.refuse, attempt=attempt, code="429", retry_at=retry_at)


def lose(attempt: int = 1) -> Decision:
    return partial(invocation.lose, attempt=attempt)


def progress(percent: int, prediction: str = "p1") -> Decision:
    return partial(invocation.progress, prediction=prediction, percent=percent)


def settle(attempt: int = 1, prediction: str = "p1", outcome: Any = "succeeded") -> Decision:
    return partial(invocation.settle_prediction, settled=settled(attempt, prediction, outcome), model=MODEL)


def complete(g: Generation) -> list[Event]:
    return decisions.complete(g, [PICTURE], cost_microusd=4_000)


def fail_settled(g: Generation) -> list[Event]:
    return decisions.fail_settled(g, FailureCode.PROVIDER_FAILED)


def expire(now: datetime) -> Decision:
    return partial(decisions.expire, now=now)


def publish(is_public: bool) -> Decision:
    return partial(decisions.publish, is_public=is_public)


def duplicate(attempt: int, prediction: str, predict_seconds: float | None = None) -> DuplicateFound:
    return DuplicateFound(attempt=attempt, prediction=prediction, predict_seconds=predict_seconds)


NORMAL: list[tuple[str, tuple[Event, ...], Decision, tuple[Event, ...]]] = [
    ("validate", TO_REQUESTED, validate, (VALIDATED,)),
    ("reject", TO_REQUESTED, decisions.reject_examples, (failed("invalid_image", "validation"),)),
    ("reserve", TO_VALIDATED, reserve, (RESERVED,)),
    ("deny", TO_VALIDATED, decisions.deny, (failed("quota_exceeded", "quota", retryable=True),)),
    ("intend", TO_RESERVED, intend(), (intended(),)),
    ("refuse", TO_INTENDED, refuse(), (refused(),)),
    (
        "refuse for good",
        TO_INTENDED,
        refuse(retry_at=None),
        (refused(retry_at=None), failed("provider_refused", "invocation")),
    ),
    ("lose", TO_INTENDED, lose(), (lost(),)),
    ("start", TO_INTENDED, start(), (started(),)),
    ("progress", TO_STARTED, progress(37), (GenerationProgressed(percent=30),)),
    ("settle", TO_STARTED, settle(), (settled(),)),
    ("settle unseen", TO_INTENDED, settle(), (started(), settled())),
    ("complete", TO_SETTLED, complete, (COMPLETED,)),
    ("fail", TO_SETTLED, fail_settled, (failed("provider_failed", "completion", retryable=True),)),
    (
        "settle spent",
        TO_COMPLETED,
        decisions.settle_quota,
        (QuotaSettled(period="2026-11", outcome="spent"),),
    ),
    (
        "settle released",
        TO_FAILED,
        decisions.settle_quota,
        (QuotaSettled(period="2026-11", outcome="released"),),
    ),
    ("cancel", TO_REQUESTED, decisions.cancel, (CANCELED, failed("canceled", "requested"))),
    ("cancel running", TO_STARTED, decisions.cancel, (CANCELED,)),
    ("publish", TO_COMPLETED, publish(True), (GenerationPublished(is_public=True),)),
    ("erase", TO_COMPLETED, decisions.erase, (GenerationErased(),)),
    (
        "expire",
        TO_STARTED,
        expire(FINISH_BY),
        (failed("finish_deadline", "deadline", retryable=True),),
    ),
]
EACH = pytest.mark.parametrize(
    ("events", "decision", "expected"), [pytest.param(*row[1:], id=row[0]) for row in NORMAL]
)


@EACH
def test_a_decision_returns_its_events(
    events: tuple[Event, ...], decision: Decision, expected: tuple[Event, ...]
) -> None:
    given(*events).when(decision).then(*expected)


@EACH
def test_deciding_twice_returns_nothing(
    events: tuple[Event, ...], decision: Decision, expected: tuple[Event, ...]
) -> None:
    given(*events, *expected).when(decision).then_nothing()


@EACH
@pytest.mark.parametrize("stream", EVERY_STATE, ids=lambda events: events[-1].type)
def test_no_decision_returns_an_illegal_event_in_any_state(
    stream: tuple[Event, ...], events: tuple[Event, ...], decision: Decision, expected: tuple[Event, ...]
) -> None:
    decided = given(*stream).when(decision)
    after = decided.then(*decided.events)
    assert given(*stream, *decided.events).when(decision).then_nothing() == after


# The states in which an event is allowed

STREAMS: dict[State, tuple[Event, ...]] = {
    State.REQUESTED: TO_REQUESTED,
    State.VALIDATED: TO_VALIDATED,
    State.RESERVED: TO_RESERVED,
    State.INTENDED: TO_INTENDED,
    State.WAITING: TO_WAITING,
    State.STARTED: TO_STARTED,
    State.SETTLED: TO_SETTLED,
    State.COMPLETED: TO_COMPLETED,
    State.FAILED: TO_FAILED,
}
# An independent copy by state: the events that may follow.
ANYTIME = {"duplicate_found"}
OPEN = {"failed", "cancel_requested"} | ANYTIME
OVER = {"quota_settled", "published", "erased"} | ANYTIME
MAY_FOLLOW = {
    State.REQUESTED: {"validated"} | OPEN,
    State.VALIDATED: {"quota_reserved"} | OPEN,
    State.RESERVED: {"invocation_intended"} | OPEN,
    State.INTENDED: {"started", "invocation_refused", "invocation_lost"} | OPEN,
    State.WAITING: {"invocation_intended", "started"} | OPEN,
    State.STARTED: {"progressed", "prediction_settled"} | OPEN,
    State.SETTLED: {"completed"} | OPEN,
    State.COMPLETED: OVER,
    State.FAILED: {"prediction_settled"} | OVER,
}


def test_every_event_has_allowed_states() -> None:
    assert set(decisions.ALLOWED) == set(get_args(GenerationEvent)) == {type(event) for event in ONE_OF_EACH}
    assert set(State) == FINAL | RUNNING


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.type)
@pytest.mark.parametrize("state", State)
def test_an_event_is_allowed_in_exactly_these_states(state: State, event: Event) -> None:
    generation = folded(STREAMS[state])
    assert generation.state is state
    if event.type.removeprefix("generation.") in MAY_FOLLOW[state]:
        check(generation, event)
    else:
        with pytest.raises(IllegalTransitionError, match=event.type):
            check(generation, event)


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: event.type)
def test_only_a_request_begins_a_stream(event: Event) -> None:
    if isinstance(event, GenerationRequested):
        check(None, event)
    else:
        with pytest.raises(IllegalTransitionError, match="after nothing"):
            check(None, event)


# The paid call


def test_a_claim_is_valid_for_ten_seconds() -> None:
    now = START + 5 * SECOND
    given(*TO_RESERVED).when(intend(now)).then(intended(1, now + 10 * SECOND))


@pytest.mark.parametrize(
    "events",
    [TO_INTENDED, TO_STARTED, TO_SETTLED, TO_COMPLETED, TO_FAILED, (*TO_INTENDED, CANCELED)],
    ids=lambda events: events[-1].type,
)
def test_no_second_call_is_claimed_while_one_is_open_or_after_the_end(events: tuple[Event, ...]) -> None:
    given(*events).when(intend()).then_nothing()


def test_no_call_is_claimed_before_the_time_that_the_provider_named() -> None:
    later = START + timedelta(minutes=2)
    waiting = (*TO_INTENDED, refused(retry_at=later))
    given(*waiting).when(intend(later - SECOND)).then_nothing()
    given(*waiting).when(intend(later)).then(intended(2, later + 10 * SECOND))


def test_an_attempt_does_not_wait_for_a_time_that_a_wrong_clock_wrote() -> None:
    waiting = (*TO_RESERVED, intended(), refused(retry_at=START + timedelta(hours=1)))
    given(*waiting).when(intend(START + SECOND)).then(intended(2, START + 11 * SECOND))


def test_no_call_is_claimed_after_the_start_deadline() -> None:
    given(*TO_RESERVED).when(intend(START_BY)).then_nothing()


def test_the_third_lost_call_fails_the_generation_and_refusals_do_not_count() -> None:
    waits = (*TO_INTENDED, refused(1), intended(2), refused(2), intended(3), refused(3), intended(4))
    given(*waits).when(lose(4)).then(lost(4))
    twice = (*waits, lost(4), intended(5), lost(5), intended(6))
    given(*twice).when(lose(6)).then(lost(6), failed("invocation_lost", "invocation", retryable=True))


def test_a_late_result_of_an_older_attempt_changes_nothing() -> None:
    second = (*TO_INTENDED, lost(), intended(2))
    for late in (lose(1), refuse(1)):
        given(*second).when(late).then_nothing()


# Predictions that are found


def test_a_late_prediction_is_adopted_while_no_other_call_is_open() -> None:
    generation = given(*TO_INTENDED, lost()).when(start(1, "late")).then(started(1, "late"))
    assert generation.prediction == "late"


SECOND_CALL = (*TO_INTENDED, lost(), intended(2))


def test_a_late_prediction_is_adopted_while_the_outcome_of_the_next_call_is_unknown() -> None:
    generation = given(*SECOND_CALL).when(start(1, "late")).then(started(1, "late"))
    assert [sent.number for sent in generation.unresolved] == [2]
    given(*SECOND_CALL, started(1, "late")).when(start(2, "p2")).then(duplicate(2, "p2"))
    given(*SECOND_CALL, started(1, "late")).when(refuse(2)).then_nothing()


def test_a_late_success_is_adopted_and_the_running_prediction_becomes_the_duplicate() -> None:
    running = (*SECOND_CALL, started(2, "p2"))
    generation = given(*running).when(settle(1, "late")).then(duplicate(2, "p2"), settled(1, "late"))
    assert (generation.state, generation.prediction, generation.attempt) == (State.SETTLED, "late", 1)
    known = (*running, duplicate(1, "late"))
    given(*known).when(settle(1, "late")).then(duplicate(2, "p2"), settled(1, "late"))
    withheld = settled(1, "late").model_copy(update={"code": "content_flagged"})
    given(*running).when(partial(invocation.settle_prediction, settled=withheld, model=MODEL)).then(
        duplicate(1, "late", 3.5)
    )


@pytest.mark.parametrize("outcome", ["failed", "canceled", "aborted"])
def test_a_late_failure_ends_no_other_call(outcome: str) -> None:
    for other in ((), (started(2, "p2"),)):
        given(*SECOND_CALL, *other).when(settle(1, "late", outcome)).then(duplicate(1, "late", 3.5))


@pytest.mark.parametrize("outcome", ["failed", "canceled", "aborted"])
def test_a_late_failure_ends_nothing_while_the_next_call_is_due(outcome: str) -> None:
    for waiting in ((*TO_INTENDED, lost()), (*SECOND_CALL, refused(2))):
        late = given(*waiting).when(settle(1, "late", outcome)).then(duplicate(1, "late", 3.5))
        assert late.state is State.WAITING
        assert late.unresolved == ()


OUTCOMES = st.sampled_from(["succeeded", "failed", "canceled"])


@hypothesis.settings(deadline=None)
@hypothesis.given(
    outcomes=st.fixed_dictionaries({1: OUTCOMES, 2: OUTCOMES}),
    seen=st.lists(st.tuples(st.sampled_from([1, 2]), st.booleans()), min_size=1, max_size=8),
)
def test_a_success_is_adopted_unless_another_prediction_has_ended_before(
    outcomes: dict[int, str], seen: list[tuple[int, bool]]
) -> None:
    log = [*SECOND_CALL]
    for attempt, ended in seen:
        before, outcome = folded(log), outcomes[attempt] if ended else "running"
        decide = settle(attempt, f"p{attempt}", outcome) if ended else start(attempt, f"p{attempt}")
        after = given(*log).when(decide)
        log += after.events
        generation = folded(log)
        if outcome == "succeeded" and before.settled is None:
            assert generation.settled is not None
            assert (generation.prediction, generation.settled.outcome) == (f"p{attempt}", "succeeded")
    known = {generation.prediction, *(found.prediction for found in generation.duplicates)}
    assert {f"p{attempt}" for attempt, _ in seen} <= known
    assert not {attempt for attempt, _ in seen} & {sent.number for sent in generation.unresolved}


# Attempts whose prediction is not known


def test_an_attempt_is_unresolved_from_its_loss_until_its_prediction_is_found() -> None:
    [sent] = given(*SECOND_CALL, lost(2)).state.unresolved[:1]
    assert (sent.number, sent.intended_at, sent.given_up_at) == (1, START + 3 * SECOND, START + 4 * SECOND)
    assert [sent.number for sent in given(*SECOND_CALL, lost(2)).state.unresolved] == [1, 2]
    assert given(*SECOND_CALL, started(2, "p2"), duplicate(1, "p1")).state.unresolved == ()
    assert given(*TO_INTENDED, lost(), started(1, "p1")).state.unresolved == ()


def test_a_call_under_way_at_the_deadline_is_unresolved() -> None:
    overdue = failed("finish_deadline", "deadline", retryable=True)
    assert [sent.number for sent in given(*TO_INTENDED, overdue).state.unresolved] == [1]
    assert given(*TO_STARTED, overdue).state.unresolved == ()


@pytest.mark.parametrize("events", [TO_STARTED, TO_SETTLED, TO_COMPLETED], ids=lambda events: events[-1].type)
def test_a_second_prediction_is_recorded_once_as_a_duplicate_with_its_cost(events: tuple[Event, ...]) -> None:
    given(*events).when(settle(1, "p2", "canceled")).then(duplicate(1, "p2", 3.5))
    given(*events, duplicate(1, "p2", 3.5)).when(settle(1, "p2", "canceled")).then_nothing()
    given(*events, duplicate(1, "p2", 3.5)).when(start(1, "p2")).then_nothing()


def test_the_cost_of_a_prediction_is_recorded_once_also_after_the_end() -> None:
    expired = (*TO_STARTED, failed("finish_deadline", "deadline", retryable=True))
    given(*expired).when(start()).then_nothing()
    after = given(*expired).when(settle(outcome="canceled")).then(settled(outcome="canceled"))
    assert (after.state, after.status, after.moved_at) == (
        State.FAILED,
        "failed",
        given(*expired).state.moved_at,
    )
    given(*expired, settled(outcome="canceled")).when(settle()).then_nothing()
    given(*TO_COMPLETED).when(settle()).then_nothing()


def test_an_unknown_prediction_found_after_the_end_is_a_duplicate() -> None:
    expired = (*TO_INTENDED, failed("finish_deadline", "deadline", retryable=True))
    given(*expired).when(settle()).then(duplicate(1, "p1", 3.5))


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "canceled", "aborted"])
def test_every_outcome_of_the_provider_settles_the_prediction(outcome: str) -> None:
    given(*TO_STARTED).when(settle(outcome=outcome)).then(settled(outcome=outcome))


@pytest.mark.parametrize(
    ("percent", "steps"),
    [(-5, ()), (0, ()), (9, ()), (10, (10,)), (99.9, (90,)), (100, (100,)), (250, (100,))],
)
def test_progress_is_recorded_in_steps_of_ten(percent: int, steps: tuple[int, ...]) -> None:
    given(*TO_STARTED).when(progress(percent)).then(*(GenerationProgressed(percent=step) for step in steps))


def test_progress_never_decreases_and_counts_for_the_adopted_prediction_only() -> None:
    far = (*TO_STARTED, GenerationProgressed(percent=60))
    given(*far).when(progress(50)).then_nothing()
    given(*far).when(progress(70, "p2")).then_nothing()


# Cancellation


@pytest.mark.parametrize(
    "events", [TO_REQUESTED, TO_VALIDATED, TO_RESERVED, TO_WAITING], ids=lambda events: events[-1].type
)
def test_a_cancellation_fails_at_once_while_nothing_runs_at_the_provider(events: tuple[Event, ...]) -> None:
    before = given(*events)
    after = before.when(decisions.cancel).then(CANCELED, failed("canceled", before.state.state.value))
    assert after.status == "failed"


@pytest.mark.parametrize(
    ("events", "decision", "expected"),
    [
        ((*TO_INTENDED, CANCELED), refuse(), (refused(), failed("canceled", "invocation"))),
        ((*TO_INTENDED, CANCELED), lose(), (lost(), failed("canceled", "invocation"))),
        ((*TO_SETTLED, CANCELED), complete, (failed("canceled", "completion"),)),
        ((*TO_SETTLED, CANCELED), fail_settled, (failed("canceled", "completion"),)),
        ((*TO_STARTED, CANCELED), expire(FINISH_BY), (failed("canceled", "deadline"),)),
    ],
    ids=["refused", "lost", "succeeded late", "failed", "deadline"],
)
def test_a_cancelled_generation_fails_as_canceled_whatever_the_provider_reports(
    events: tuple[Event, ...], decision: Decision, expected: tuple[Event, ...]
) -> None:
    given(*events).when(decision).then(*expected)


def test_a_cancellation_fails_at_once_when_the_prediction_has_ended() -> None:
    after = given(*TO_SETTLED).when(decisions.cancel).then(CANCELED, failed("canceled", "completion"))
    assert after.status == "failed"
    cancelled_before = (*TO_SETTLED, CANCELED)  # completion fails it
    given(*cancelled_before).when(decisions.cancel).then_nothing()


def test_a_cancelled_generation_may_still_be_erased_and_not_the_reverse() -> None:
    erase_all = partial(decisions.cancel, erase=True)
    given(*TO_STARTED, CANCELED).when(erase_all).then(CancelRequested(erase=True))
    erasing = (*TO_STARTED, CancelRequested(erase=True))
    for decision in (erase_all, decisions.cancel):
        assert given(*erasing).when(decision).then_nothing().erase_requested


def test_a_final_generation_cannot_be_cancelled() -> None:
    given(*TO_COMPLETED).when(decisions.cancel).then_nothing()


# Deadlines


@pytest.mark.parametrize(
    "events", [TO_REQUESTED, TO_VALIDATED, TO_RESERVED, TO_WAITING], ids=lambda events: events[-1].type
)
def test_a_generation_without_a_call_in_ten_minutes_fails(events: tuple[Event, ...]) -> None:
    given(*events).when(expire(START_BY - SECOND)).then_nothing()
    given(*events).when(expire(START_BY)).then(failed("start_deadline", "deadline", retryable=True))


def test_the_start_of_a_client_that_chose_its_own_deadline_fails_with_another_code() -> None:
    chosen = requested(own_start=True)
    given(chosen).when(expire(START_BY - SECOND)).then_nothing()
    given(chosen).when(expire(START_BY)).then(failed("start_timeout", "deadline", retryable=True))


@pytest.mark.parametrize("events", [TO_INTENDED, TO_STARTED, TO_SETTLED], ids=lambda events: events[-1].type)
def test_a_generation_that_may_run_at_the_provider_has_35_minutes(events: tuple[Event, ...]) -> None:
    given(*events).when(expire(FINISH_BY - SECOND)).then_nothing()
    given(*events).when(expire(FINISH_BY)).then(failed("finish_deadline", "deadline", retryable=True))


# After the end


def test_a_generation_is_published_and_unpublished_until_it_is_erased() -> None:
    public = (*TO_COMPLETED, GenerationPublished(is_public=True))
    given(*TO_COMPLETED).when(publish(False)).then_nothing()
    given(*public).when(publish(False)).then(GenerationPublished(is_public=False))
    given(*public, GenerationErased()).when(publish(True)).then_nothing()


@pytest.mark.parametrize("events", EVERY_STATE[:-2], ids=lambda events: events[-1].type)
def test_nothing_is_settled_published_or_erased_before_it_is_final(events: tuple[Event, ...]) -> None:
    for decision in (decisions.settle_quota, publish(True), decisions.erase):
        given(*events).when(decision).then_nothing()


ATTEMPTS = st.integers(min_value=0, max_value=5)
PREDICTIONS = st.sampled_from(["p1", "p2", "p3"])
DECISIONS: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from([validate, reserve, complete, decisions.settle_quota, decisions.erase]),
    st.builds(start, ATTEMPTS, PREDICTIONS),
    st.builds(settle, ATTEMPTS, PREDICTIONS, st.sampled_from(["succeeded", "failed", "canceled"])),
    st.builds(progress, st.integers(-10, 120), PREDICTIONS),
    st.builds(lose, ATTEMPTS),
    st.builds(publish, st.booleans()),
)

ENDS = [
    decisions.reject_examples,
    decisions.deny,
    decisions.cancel,
    partial(decisions.cancel, erase=True),
    fail_settled,
]
SELDOM = st.integers(0, 4)


class RandomDecisions(RuleBasedStateMachine):
    """Decisions in any order, repeated and late; the oracles read the log alone, not the folded state."""

    @initialize()
    def request(self) -> None:
        self.now = START
        self.log: list[RecordedEvent] = recorded([requested()])
        self.state = fold(self.log)

    def decide(self, decision: Decision) -> None:
        assert self.state is not None
        for event in decision(self.state):
            check(self.state, event)
            [entry] = recorded([event], after=len(self.log), time=self.now)
            self.log.append(entry)
            self.state = evolve(self.state, entry)

    @rule(decision=DECISIONS)
    def anything(self, decision: Decision) -> None:
        self.decide(decision)

    @rule()
    def advance(self) -> None:
        """What the actors would do next, so that late states are reached often."""
        for decision in (validate, reserve, intend(self.now)):
            self.decide(decision)

    @rule(decision=st.sampled_from(["lose", "refuse", "start", "settle"]))
    def resolve_the_open_call(self, decision: str) -> None:
        attempt = max(1, self.state.attempt if self.state else 1)
        makers = {"lose": lose, "refuse": refuse, "start": start, "settle": settle}
        self.decide(makers[decision](attempt))

    @rule(wait=st.sampled_from([None, 0, 5, 30]), attempt=ATTEMPTS)
    def be_refused(self, wait: int | None, attempt: int) -> None:
        self.decide(refuse(attempt, None if wait is None else self.now + wait * SECOND))

    @rule(seconds=st.sampled_from([1, 11, 31]))
    def wait(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self.decide(expire(self.now))

    @rule(end=st.sampled_from(ENDS), chance=SELDOM)
    def fail(self, end: Decision, chance: int) -> None:
        if chance == 0:
            self.decide(end)

    @rule(minutes=st.sampled_from([5, 10, 25]), chance=SELDOM)
    def wait_long(self, minutes: int, chance: int) -> None:
        if chance == 0:
            self.wait(minutes * 60)

    @invariant()
    def the_log_is_legal(self) -> None:
        events = [entry.event for entry in self.log] if hasattr(self, "log") else []
        assert_one_end(events)
        assert_paid_once(events)
        assert_no_picture_after_cancel(events)
        assert sum(isinstance(event, InvocationLost) for event in events) <= 3
        assert sum(isinstance(event, GenerationProgressed) for event in events) <= 10
        assert sum(isinstance(event, QuotaSettled) for event in events) <= 1

    @invariant()
    def folding_step_by_step_equals_folding_whole(self) -> None:
        if hasattr(self, "log"):
            assert self.state == fold(self.log)

    @invariant()
    def unfinished_generations_have_a_due_time(self) -> None:
        if hasattr(self, "state") and self.state is not None:
            to_erase = self.state.erase_requested and not self.state.erased
            done = self.state.final and self.state.quota != "held" and not to_erase
            assert (due_at(self.state, TIMEOUTS) is None) == done


def assert_one_end(events: Sequence[Event]) -> None:
    ends = [n for n, event in enumerate(events) if isinstance(event, GenerationCompleted | GenerationFailed)]
    assert len(ends) <= 1
    after = events[ends[0] + 1 :] if ends else []
    assert all(
        isinstance(event, QuotaSettled | DuplicateFound | GenerationPublished | GenerationErased)
        or (isinstance(event, PredictionSettled) and isinstance(events[ends[0]], GenerationFailed))
        for event in after
    )
    assert sum(isinstance(event, PredictionSettled) for event in events) <= 1


def assert_paid_once(events: Sequence[Event]) -> None:
    open_call = started_at_all = False
    attempts = []
    for event in events:
        if isinstance(event, InvocationIntended):
            assert not open_call
            assert not started_at_all
            open_call = True
            attempts.append(event.attempt)
        elif isinstance(event, InvocationRefused | InvocationLost):
            open_call = False
        elif isinstance(event, GenerationStarted):
            assert not started_at_all
            started_at_all = True
    assert attempts == list(range(1, len(attempts) + 1))


def assert_no_picture_after_cancel(events: Sequence[Event]) -> None:
    cancelled = False
    for event in events:
        cancelled = cancelled or isinstance(event, CancelRequested)
        assert not (cancelled and isinstance(event, GenerationCompleted | InvocationIntended))


TestRandomDecisions = RandomDecisions.TestCase
TestRandomDecisions.settings = effort(max_examples=120, stateful_step_count=30, deadline=None)


def test_there_is_a_stream_for_every_state() -> None:
    assert {fold(recorded(events)).state for events in EVERY_STATE} == set(State)  # type: ignore[union-attr]


@pytest.mark.parametrize("missing", range(len(TO_COMPLETED) - 1))
def test_a_stream_that_lacks_an_event_is_not_folded(missing: int) -> None:
    events = recorded(TO_COMPLETED)
    with pytest.raises(ValueError, match="is missing"):
        fold([*events[:missing], *events[missing + 1 :]])
