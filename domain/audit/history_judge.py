"""Find the first decision of a generation's history that today's rules would make differently."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from domain.audit.decide_again import Outcome, Refused, Undecidable, decide_again, decide_first, ended_by
from domain.audit.judgement import Beside, DecisionDifference, Rules, Verdict
from domain.generation.fold import IllegalTransitionError, check, evolve
from domain.generation.generation import Generation, id_of
from events.envelope import RecordedEvent
from events.event import Event
from events.generation import GenerationFailed, GenerationRequested
from events.invocation import InvocationIntended
from events.quota import QuotaReserved
from events.stream_fault import StreamFaultError

_WRITTEN_DOWN: Final[Mapping[type[Event], set[str]]] = {
    InvocationIntended: {"claim_until", "provider_time"},
    QuotaReserved: {"limit", "slot_limit"},
}
"""Bounds that an event only mentions: what they lead to is compared, not they."""


def judge(events: Sequence[RecordedEvent], beside: Beside | None, rules: Rules) -> Verdict:
    """Make every decision of a whole stream again, up to the first difference: nothing behind it would have happened.

    beside: None where it is erased. Raises ValueError for a stream that cannot be folded.
    """
    verdict, generation, at = Verdict(), None, 0
    while at < len(events) and verdict.difference is None:
        outcome = _outcome(generation, events[at:], beside, rules)
        count = _compare(outcome, events[at:], verdict)
        for recorded in events[at : at + count]:
            generation = evolve(generation, recorded)
        at += count
    return verdict


def _outcome(
    generation: Generation | None, following: Sequence[RecordedEvent], beside: Beside | None, rules: Rules
) -> Outcome:
    event = following[0].event
    try:
        check(generation, event)
    except IllegalTransitionError as error:
        return Refused(str(error))
    if generation is None:
        if not isinstance(event, GenerationRequested):
            raise StreamFaultError(f"{following[0].id}: a generation begins with {GenerationRequested.type}")
        return decide_first(event, beside, rules)
    ends = isinstance(event, GenerationFailed) and event.stage == "deadline"
    if not ends and (ended := ended_by(generation, following[0].time, rules)):
        return ended
    return decide_again(generation, following, beside, rules)


def _compare(outcome: Outcome, following: Sequence[RecordedEvent], verdict: Verdict) -> int:
    """Note what differs or is unknown; return how many events the outcome covers."""
    first = following[0]
    match outcome:
        case Undecidable(reason=reason):
            verdict.unknown.setdefault(reason, first.id)
            return 1
        case Refused(why=why):
            verdict.difference = _difference(first, why)
            return 1
        case _ if not outcome:
            verdict.difference = _difference(first, "nothing")
            return 1
        case _:
            return _compare_events(outcome, following, verdict)


def _compare_events(today: Sequence[Event], following: Sequence[RecordedEvent], verdict: Verdict) -> int:
    for number, event in enumerate(today):
        if number == len(following):
            verdict.difference = _difference(following[-1], f"then {event.type}")
        elif _content(event) != _content(following[number].event):
            verdict.difference = _difference(following[number], _text(event, following[number].event))
        if verdict.difference is not None:
            break
    return max(1, min(len(today), len(following)))


def _content(event: Event) -> tuple[type[Event], Mapping[str, Any]]:
    return type(event), event.model_dump(exclude=_WRITTEN_DOWN.get(type(event), set()))


def _difference(recorded: RecordedEvent, today: str) -> DecisionDifference:
    event = recorded.event
    detail = f" {event.code}" if isinstance(event, GenerationFailed) else ""
    return DecisionDifference(id_of(recorded.stream), recorded.id, event.type, f"{event.type}{detail}", today)


def _text(today: Event, recorded: Event) -> str:
    """Name another event with its code, or the fields of the same one with their values."""
    if type(today) is not type(recorded):
        return f"{today.type} {today.code}" if isinstance(today, GenerationFailed) else today.type
    old, new = recorded.model_dump(mode="json"), today.model_dump(mode="json")
    changed = [
        f"{name} {_json(new[name])} instead of {_json(old[name])}" for name in new if new.get(name) != old.get(name)
    ]
    return f"{today.type} with {', '.join(changed)}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
