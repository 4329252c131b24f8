"""Load, decide, append: the one implementation, for every kind of stream."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import structlog

from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from events.event import Event
from store.backoff import Backoff
from store.commits.contract import EventStore, Write
from store.crash_points import crash_point
from store.errors import WrongExpectedVersionError
from store.tracing import NO_TRACER, Attributes, Tracer

_ATTEMPTS = 12
_CONFLICT_BACKOFF = Backoff(first=0.01, longest=0.64, jitter=1.0)

log = structlog.get_logger()


class Versioned(Protocol):
    """A state that knows the version of the last event it was folded from."""

    @property
    def version(self) -> int: ...


State = TypeVar("State", bound=Versioned)
DecisionWrite = Callable[[State | None, Commit, Any], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Decided(Generic[State]):
    """The state that a decision was made on, and the commit that it led to, if any."""

    state: State | None
    commit: Commit | None


@dataclass(eq=False)
class Repository(Generic[State]):
    """The streams of one kind of aggregate.

    `fold` turns all events of a stream into its state, None for no events. `announce` is called with
    every commit that was appended; it must not block and must not raise. `reload` replaces the fold of the whole stream
    by one that reads less. `check` raises for events that the
    rules forbid. `log_fields` adds to the log line of an append (`request_id`: where the cause has none).
    `caused` completes the cause of an event by the state that was decided on.
    """

    events: EventStore
    fold: Callable[[Sequence[RecordedEvent]], State | None]
    announce: Callable[[Commit], None]
    clock: Callable[[], datetime]
    reload: Callable[[str], Awaitable[State | None]] | None = None
    check: Callable[[State | None, Sequence[Event]], None] = lambda *_: None
    log_fields: Callable[[str, State | None], Mapping[str, object]] = lambda *_: {}
    caused: Callable[[State | None, Cause], Cause] = lambda _, cause: cause
    tracer: Tracer = NO_TRACER

    async def load(self, stream: str) -> State | None:
        """Fold a stream; None when it has no events."""
        return await self.reload(stream) if self.reload is not None else self.fold(await self.history(stream))

    async def history(self, stream: str) -> list[RecordedEvent]:
        """Read all events of a stream, oldest first."""
        return [event for commit in await self.events.read(stream) for event in commit.events]

    async def append(
        self,
        stream: str,
        version: int,
        events: Sequence[Event],
        *,
        cause: Cause,
        write: Write | None = None,
        state: State | None = None,
    ) -> Commit:
        """Append events behind a version and announce the commit; as `EventStore.append`."""
        crash_point(cause.actor, "before_append")
        with self.tracer.span("append", "client", parent=cause.traceparent, attributes=_about(stream, events)):
            commit = await self.events.append(stream, version, events, cause=cause, time=self.clock(), write=write)
        crash_point(cause.actor, "after_append")
        requested = {"request_id": cause.request_id} if cause.request_id is not None else {}
        about = {**self.log_fields(stream, state), **requested}
        types = [event.type for event in commit.events]
        log.info("events_appended", stream=stream, event_id=commit.events[-1].id, types=types, **about)
        self.announce(commit)
        return commit

    async def decide(
        self,
        stream: str,
        decision: Callable[[State | None], Sequence[Event]],
        *,
        cause: Cause,
        known: State | None = None,
        write: DecisionWrite[State] | None = None,
    ) -> Decided[State]:
        """Load, decide and append; again after a lost race.

        `known` is the state as the caller has it: what is decided from it is appended only if the stream has
        not moved on; "nothing to do" is believed only of a state that was loaded here. `write` gets the state
        that was decided on, the commit and the session of its transaction (`EventStore.append`).

        Raises whatever the decision raises, the store's errors, and WrongExpectedVersionError when every
        attempt lost its race.
        """
        state, fresh = (known, False) if known is not None else (await self.load(stream), True)
        for attempt in range(1, _ATTEMPTS + 1):
            events = list(decision(state))
            if not events and fresh:
                return Decided(state, None)
            if events and (commit := await self._try_append(stream, state, events, cause, write)):
                return Decided(state, commit)
            if events and attempt > 1:  # the first conflict is mostly the only one: two that learned of one thing
                chance = random.random()  # noqa: S311 - jitter, no secret
                await asyncio.sleep(_CONFLICT_BACKOFF.delay(attempt - 1, chance))
            state, fresh = await self.load(stream), True
        raise WrongExpectedVersionError(stream, -1)

    async def _try_append(
        self,
        stream: str,
        state: State | None,
        events: Sequence[Event],
        cause: Cause,
        write: DecisionWrite[State] | None,
    ) -> Commit | None:
        """Append what was decided on a state; None when the stream has moved on."""
        self.check(state, events)
        version = state.version if state is not None else 0
        bound, cause = partial(write, state) if write is not None else None, self.caused(state, cause)
        try:
            return await self.append(stream, version, events, cause=cause, write=bound, state=state)
        except WrongExpectedVersionError:
            return None


def _about(stream: str, events: Sequence[Event]) -> Attributes:
    """Describe an append; of streams that are named after a person or a project, the kind alone."""
    kind = stream.partition("-")[0]
    about = {"exemplar.stream": kind, "exemplar.event_types": ",".join(event.type for event in events)}
    return {**about, "exemplar.stream_id": stream} if kind == "generation" else about
