"""Make a decision that the log records again, by today's rules.

It is made on the recorded state before it, from what was known then. What happened outside is taken as recorded: that
a picture decoded, what the provider and its downloads answered, how many units and slots were taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.audit.judgement import Answer, Beside, Reason, Rules
from domain.errors import ExemplarError, FailureCode
from domain.generation import decisions, invocation
from domain.generation.generation import Generation
from domain.generation.lifecycle import deadlines_of
from domain.generation.prediction import Prediction, failure_of
from domain.generation.timings import is_run_in_vain
from domain.submission.composition import plan
from domain.submission.instructions import parse_instructions, seed_of
from domain.submission.model_inputs import ADMITTED
from events import generation as facts
from events import invocation as calls
from events.envelope import RecordedEvent
from events.event import Event
from events.owner import CancelRequested, GenerationErased, GenerationPublished
from events.quota import QuotaReserved, QuotaSettled

_SLACK: Final = timedelta(seconds=5)
"""Deadlines this close are the same; a clock is read a little before the time of its event."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Today nothing would be recorded here."""

    why: str


@dataclass(frozen=True, slots=True)
class Undecidable:
    """What the decision needs is not there."""

    reason: Reason


Outcome = Sequence[Event] | Refused | Undecidable


def decide_first(event: facts.GenerationRequested, beside: Beside | None, rules: Rules) -> Outcome:
    """Check the instructions of a submission again."""
    if beside is None:
        return Undecidable("personal_data_gone")
    try:
        parse_instructions(beside.instructions, ceilings=rules.ceilings)
    except ExemplarError as error:
        return Refused(f"refused as {error.code.value}")
    return [event]


def decide_again(g: Generation, following: Sequence[RecordedEvent], beside: Beside | None, rules: Rules) -> Outcome:
    """Make the decision that `following` begins with; the state is that before it."""
    event, time = following[0].event, following[0].time
    match event:
        case facts.GenerationValidated():
            return _validated(g, event, beside, rules)
        case QuotaReserved():
            return _reserved(g, event, rules)
        case facts.GenerationCompleted():
            if g.settled is not None and g.settled.code is not None:
                return decisions.fail_settled(g, FailureCode(g.settled.code))
            return decisions.complete(g, event.pictures, cost_microusd=event.cost_microusd)
        case facts.GenerationFailed():
            return _failed(g, event, time, rules)
        case QuotaSettled():
            return _settled_quota(g, rules)
        case CancelRequested():
            return decisions.cancel(g, erase=event.erase, grounds=event.grounds)
        case GenerationPublished():
            return decisions.publish(g, is_public=event.is_public)
        case GenerationErased():
            return decisions.erase(g, grounds=event.grounds)
        case _:
            return _called(g, following, beside, rules)


def ended_by(g: Generation, time: datetime, rules: Rules) -> Sequence[Event]:
    """End a generation that had passed today's deadlines by then, unless it had passed those of then as well."""
    return [] if decisions.expire(g, now=time) else decisions.expire(_with_deadlines(g, rules), now=time)


def _called(g: Generation, following: Sequence[RecordedEvent], beside: Beside | None, rules: Rules) -> Outcome:
    event, time = following[0].event, following[0].time
    match event:
        case calls.InvocationIntended():
            return _intended(_with_deadlines(g, rules), event, time, rules)
        case calls.GenerationStarted():
            return invocation.start(g, attempt=event.attempt, prediction=event.prediction, model=event.model)
        case calls.InvocationRefused():
            return invocation.refuse(g, attempt=event.attempt, code=event.code, retry_at=event.retry_at)
        case calls.InvocationLost():
            return _lost(g, event, time, rules)
        case calls.GenerationProgressed():
            return invocation.progress(g, prediction=g.prediction or "", percent=event.percent)
        case calls.PredictionSettled():
            return _settled(g, event, beside)
        case calls.DuplicateFound():
            return _duplicate(g, event, following)
        case _:
            return Refused(f"{event.type} is decided by no rule")


def _with_deadlines(g: Generation, rules: Rules) -> Generation:
    own = g.request.cancel_after
    new = deadlines_of(g.created_at, rules.timeouts, None if own is None else timedelta(seconds=own))
    own_start = g.request.start_by if g.request.own_start else new.start_by
    bounds = {
        name: old if abs(today - old) <= _SLACK else today
        for name, old, today in (
            ("start_by", g.request.start_by, min(own_start, new.start_by)),
            ("finish_by", g.request.finish_by, new.finish_by),
        )
    }
    return replace(g, request=g.request.model_copy(update=bounds))


def _validated(g: Generation, event: facts.GenerationValidated, beside: Beside | None, rules: Rules) -> Outcome:
    if beside is None:
        return Undecidable("personal_data_gone")
    try:
        given = parse_instructions(beside.instructions, ceilings=ADMITTED)
    except ExemplarError as error:
        return Refused(f"the instructions are refused as {error.code.value}")
    sizes = [(one.width, one.height) for one in event.examples]
    today = {
        "composition": plan(given.composition or rules.composition, sizes).mode,
        "seed": seed_of(g.request.seed, given, beside.salt),
        "outputs": given.parameters.get("num_outputs", 1),
    }
    return decisions.validate(g, event.model_copy(update=today))


def _reserved(g: Generation, event: QuotaReserved, rules: Rules) -> Outcome:
    """Compare the recorded counts with the limits of the tier today, unless they exceeded those of then as well."""
    tier = rules.tiers.get(g.request.tier)
    monthly, concurrent = (tier.monthly, tier.concurrent) if tier else (None, None)
    then = _exceeds(event, event.limit, event.slot_limit)
    if _exceeds(event, monthly, concurrent) and not then:
        return decisions.deny(g)
    return decisions.reserve(g, event)


def _exceeds(event: QuotaReserved, monthly: int | None, concurrent: int | None) -> bool:
    return (monthly is not None and event.used > monthly) or (concurrent is not None and event.slots > concurrent)


def _failed(g: Generation, event: facts.GenerationFailed, time: datetime, rules: Rules) -> Outcome:
    match event.stage:
        case "validation":
            return decisions.reject_examples(g)
        case "quota":
            return Undecidable("counts_not_recorded")
        case "deadline":
            return decisions.expire(_with_deadlines(g, rules), now=time)
        case "completion":
            known = g.settled.code if g.settled else None
            canceled = FailureCode.CANCELED if g.cancel_requested else None
            return decisions.fail_settled(g, FailureCode(known or canceled or event.code))
        case _:
            return Refused("it ends by no decision of its own")


def _settled_quota(g: Generation, rules: Rules) -> Outcome:
    """Settle again; whether a run in vain is charged depends on how many there were."""
    tier = rules.tiers.get(g.request.tier)
    if is_run_in_vain(g) and tier is not None and tier.uncharged is not None:
        return Undecidable("counts_not_recorded")
    return decisions.settle_quota(g)


def _intended(g: Generation, event: calls.InvocationIntended, time: datetime, rules: Rules) -> Outcome:
    for now in (time, time - _SLACK):
        if again := invocation.intend(g, now=now, timeouts=rules.timeouts, provider_time=event.provider_time):
            return again
    return []


def _lost(g: Generation, event: calls.InvocationLost, time: datetime, rules: Rules) -> Outcome:
    """Lose an attempt again, unless its claim would still hold today and did not then."""
    claim_until = (g.intended_at or g.moved_at) + rules.timeouts.claim
    if time < claim_until and (g.claim_until or time) <= time:
        return Refused("the claim would still be valid")
    return invocation.lose(g, attempt=event.attempt)


def _settled(g: Generation, event: calls.PredictionSettled, beside: Beside | None) -> Outcome:
    """Judge the provider's answer again; a canceled prediction needs no texts for that."""
    answer: Answer | Reason = Answer((), None)
    if event.outcome in ("succeeded", "failed"):
        if event.answer is None:
            return Undecidable("answer_not_recorded")
        answer = "answer_gone" if beside is None else beside.answers.get(event.prediction, "answer_gone")
    if not isinstance(answer, Answer):
        return Undecidable(answer)
    told = Prediction(event.prediction, event.outcome, event.outcome, outputs=answer.outputs, error=answer.error)
    code = failure_of(told)
    today = event.model_copy(update={"code": code.value if code else None})
    return invocation.settle_prediction(g, today, model="")


def _duplicate(g: Generation, event: calls.DuplicateFound, following: Sequence[RecordedEvent]) -> Outcome:
    """Find the duplicate again: named by a start, by the success of another prediction, or by its cost."""
    tried = [invocation.start(g, attempt=event.attempt, prediction=event.prediction, model="")]
    settled = [one.event for one in following[1:2] if isinstance(one.event, calls.PredictionSettled)]
    tried += [invocation.settle_prediction(g, one, model="") for one in settled]
    outcomes: tuple[calls.Outcome, ...] = ("succeeded", "failed")
    for outcome in outcomes:
        ended = calls.PredictionSettled(
            attempt=event.attempt,
            prediction=event.prediction,
            outcome=outcome,
            code=None,
            predict_seconds=event.predict_seconds,
            total_seconds=None,
            cost_microusd=event.cost_microusd,
        )
        tried.append(invocation.settle_prediction(g, ended, model=""))
    return next((again for again in tried if again and again[0] == event), tried[0])
