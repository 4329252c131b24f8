"""Fold the events of a stream into a generation, and check that an event is allowed."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, cast

from domain.generation import decisions
from domain.generation.generation import Changes, Generation, State, change, changed, id_of, stream_of
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import GenerationEvent, GenerationRequested
from events.stream_fault import StreamFaultError

_MILLISECOND: Final = timedelta(milliseconds=1)


class IllegalTransitionError(Exception):
    """A decision returned an event that its state does not allow: a fault in the product."""

    holds_no_data = True


def fold(events: Iterable[RecordedEvent], start: Generation | None = None) -> Generation | None:
    """Fold a stream's events, in order, into the generation; None for no events."""
    generation = start
    for recorded in events:
        generation = evolve(generation, recorded) if generation is start else advance(generation, recorded)
    return generation


def evolve(generation: Generation | None, recorded: RecordedEvent) -> Generation:
    """Apply one recorded event; ValueError unless it is the next one, and `generation.requested` the first alone."""
    if generation is None:
        return _begin(recorded)
    return changed(generation, **_changes(generation, recorded))


def advance(generation: Generation | None, recorded: RecordedEvent) -> Generation:
    """Apply an event as `evolve`, in place: to a generation that nobody else holds."""
    if generation is None:
        return _begin(recorded)
    change(generation, _changes(generation, recorded))
    return generation


def foresee(generation: Generation, events: Iterable[Event]) -> Generation:
    """Apply events that are not recorded yet, at the time of the last one that is."""
    for event in events:
        version, time = generation.version + 1, generation.updated_at
        recorded = RecordedEvent(stream_of(generation.id), version, time, event, Cause(actor="not recorded"))
        generation = evolve(generation, recorded)
    return generation


def check(generation: Generation | None, event: Event) -> None:
    """Raise `IllegalTransitionError` unless `event` is allowed in the present state."""
    if generation is None:
        allowed = isinstance(event, GenerationRequested)
    else:
        allowed = generation.state in decisions.ALLOWED[type(event)]
    if not allowed:
        state = generation.state.value if generation else "nothing"
        raise IllegalTransitionError(f"{event.type} is not allowed after {state}")


def _changes(generation: Generation, recorded: RecordedEvent) -> Changes:
    _require_next(generation.version, recorded)
    time = recorded.time
    changes = decisions.changes_of(generation, cast("GenerationEvent", recorded.event), time)
    if changes.get("state", generation.state) is not generation.state:
        changes["moved_at"], changes["spent_ms"] = time, _spent(generation, until=time)
    changes["version"], changes["updated_at"] = recorded.version, time
    return changes


def _require_next(version: int, recorded: RecordedEvent) -> None:
    if recorded.version != version + 1:
        raise StreamFaultError(f"{recorded.id}: the event before it is missing")


def _begin(recorded: RecordedEvent) -> Generation:
    _require_next(0, recorded)
    event = recorded.event
    if not isinstance(event, GenerationRequested):
        raise StreamFaultError(f"{recorded.id}: a generation begins with {GenerationRequested.type}")
    return Generation(
        id=id_of(recorded.stream),
        version=recorded.version,
        state=State.REQUESTED,
        request=event,
        created_at=recorded.time,
        updated_at=recorded.time,
        moved_at=recorded.time,
        request_id=recorded.cause.request_id,
        traceparent=recorded.cause.traceparent,
    )


def _spent(g: Generation, *, until: datetime) -> dict[State, int]:
    """Add the milliseconds of the state that ends now.

    All times are measured from `created_at`, so that the rounded parts add up to the rounded whole. Clocks of
    several machines may differ: a negative time counts as 0.
    """
    elapsed = (until - g.created_at) // _MILLISECOND
    before = sum(g.spent_ms.values())
    return {**g.spent_ms, g.state: g.spent_ms.get(g.state, 0) + max(0, elapsed - before)}
