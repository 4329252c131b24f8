"""Load, decide, append: once, here, for every writer of a generation."""

import asyncio
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from domain.generation.generation import Generation, evolve, id_of, stream_of
from domain.generation.lifecycle import check
from events.catalogue import CATALOGUE
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from events.event import Event
from store.commits.contract import EventStore
from store.errors import WrongExpectedVersionError
from store.generations.snapshot_cache import SnapshotCache

Decision = Callable[[Generation], Sequence[Event]]
Clock = Callable[[], datetime]

_TRIES = 8

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Decided:
    """The generation after a decision, and the events that this call appended; none when it had no effect."""

    generation: Generation
    events: tuple[Event, ...] = ()


class Generations:
    """The repository: folds streams, appends decisions and announces what it appended.

    `announce` must not block and must not raise: the outbox mark in the commit outlives it.
    """

    def __init__(self, events: EventStore, *, announce: Callable[[Commit], None], clock: Clock) -> None:
        self._events = events
        self._announce = announce
        self._clock = clock
        self._snapshots = SnapshotCache()

    async def load(self, generation_id: str) -> Generation | None:
        """Fold a generation's stream; None when there is none."""
        return self._snapshots.fold(await self._events.read(stream_of(generation_id)))

    async def ended(self, generation_ids: Sequence[str]) -> dict[str, bool]:
        """Tell of those generations that there are whether they are over; one question for all."""
        found = await self._events.types([stream_of(generation_id) for generation_id in generation_ids])
        return {id_of(stream): not types.isdisjoint(CATALOGUE.final) for stream, types in found.items()}

    async def begin(self, generation_id: str, event: Event, *, cause: Cause) -> Commit:
        """Append the first event; WrongExpectedVersionError when the stream is there already."""
        check(None, event)
        return await self._append(stream_of(generation_id), 0, [event], cause, cause.request_id)

    async def decide(
        self, generation_id: str, decision: Decision, *, cause: Cause, known: Generation | None = None
    ) -> Decided | None:
        """Load, decide and append, again after a lost race; return what came of it, None for no stream.

        `known` is the generation as the caller has loaded it: what is decided from it is appended only if it
        is still so. Raises IllegalTransitionError for what the rules forbid, and the store's errors.
        """
        generation, fresh = known or await self.load(generation_id), known is None
        for attempt in range(_TRIES):
            if generation is None:
                return None
            if events := list(decision(generation)):
                if decided := await self._append_to(generation, events, cause):
                    return decided
                await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))  # noqa: S311 - jitter, no secret
            elif fresh:
                return Decided(generation)
            generation, fresh = await self.load(generation_id), True
        raise WrongExpectedVersionError(stream_of(generation_id), -1)

    async def _append_to(
        self, generation: Generation, events: Sequence[Event], cause: Cause
    ) -> Decided | None:
        """Append what was decided; None when the stream has moved on."""
        _check_all(generation, events)
        try:
            commit = await self._append(
                stream_of(generation.id), generation.version, events, cause, generation.request_id
            )
        except WrongExpectedVersionError:
            return None
        return Decided(_evolved(generation, commit), tuple(events))

    async def _append(
        self, stream: str, version: int, events: Sequence[Event], cause: Cause, request_id: str | None
    ) -> Commit:
        """Append and announce; `request_id` is the first request's, told where nobody else asked for this."""
        cause = replace(cause, correlation_id=cause.correlation_id or stream)
        commit = await self._events.append(stream, version, events, cause=cause, time=self._clock())
        log.info(
            "appended",
            generation_id=id_of(stream),
            event_id=commit.events[-1].id,
            request_id=cause.request_id or request_id,
            types=[event.type for event in commit.events],
        )
        self._announce(commit)
        return commit


def _evolved(generation: Generation, commit: Commit) -> Generation:
    for recorded in commit.events:
        generation = evolve(generation, recorded)
    return generation


def _check_all(generation: Generation, events: Sequence[Event]) -> None:
    """Check a decision's events one by one, each against the state that the ones before it make."""
    for event in events:
        check(generation, event)
        generation = evolve(
            generation,
            RecordedEvent(
                stream=stream_of(generation.id),
                version=generation.version + 1,
                time=generation.updated_at,
                event=event,
                cause=Cause(actor="check"),
            ),
        )
