"""The repository of generations: fold a stream, decide, append; the only writer of generations' events."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce

import structlog

from domain.generation.fold import check, evolve, foresee
from domain.generation.generation import Generation, id_of, stream_of
from domain.generation.reactions import idle_actors
from events.catalogue import CATALOGUE
from events.commit import Commit
from events.envelope import PROVIDER, Cause, RecordedEvent
from events.event import Event
from metrics.metrics import NO_METRICS, Metrics
from store.commits.contract import EventStore
from store.commits.repository import Repository
from store.errors import StoreUnavailableError
from store.generations.measurement import measure
from store.generations.snapshot_cache import SnapshotCache
from store.mongo.batcher import Batcher
from store.tracing import NO_TRACER, Tracer

log = structlog.get_logger()

Decision = Callable[[Generation], Sequence[Event]]


@dataclass(frozen=True, slots=True)
class Decided:
    """The generation after a decision, and the events that this call appended, if any.

    began: when the call began, on the monotonic clock.
    """

    generation: Generation
    events: tuple[Event, ...] = ()
    began: float = 0.0


class Generations:
    """Load generations and decide on them.

    `lacks_endpoints` tells whether a project is known to have no webhook endpoint, and `look_up_endpoints` begins to
    find that out; it must not block and must not raise. `announce` is called with every
    commit; it must not block and must not raise. Redelivery and the catch-up subscribers cover a process that dies
    before the commit is published.
    """

    def __init__(
        self,
        events: EventStore,
        *,
        announce: Callable[[Commit], None],
        clock: Callable[[], datetime],
        lacks_endpoints: Callable[[str], bool] = lambda _: False,
        look_up_endpoints: Callable[[str], None] = lambda _: None,
        monotonic: Callable[[], float] = time.monotonic,
        tracer: Tracer = NO_TRACER,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self._monotonic, self._metrics = monotonic, metrics
        self._events = events
        self._announce = announce
        self._lacks_endpoints = lacks_endpoints
        self._look_up_endpoints = look_up_endpoints
        self._snapshots = SnapshotCache()
        self._newer: Batcher[tuple[str, int], list[Commit]] = Batcher(self._find_newer, largest=160)
        self._streams = Repository(
            events,
            fold=self._snapshots.fold,
            reload=lambda stream: self.load(id_of(stream)),
            announce=self._appended,
            clock=clock,
            check=_check,
            log_fields=_log_fields,
            caused=_submitted,
            tracer=tracer,
        )

    async def load(self, generation_id: str) -> Generation | None:
        """Fold the generation's stream, from where this process has it; None when there is none."""
        cached = self._snapshots.get(stream := stream_of(generation_id))
        return self._extended(cached, await self._newer.put(_head(stream, cached)))

    def known(self, stream: str) -> Generation | None:
        """Return what this process has of a generation, which may be behind the log; None for nothing."""
        return self._snapshots.get(stream)

    async def recall(self, event: RecordedEvent) -> Generation | None:
        """Return a generation at least as new as an event of it, to act on: the cached one, or loaded."""
        found = self._snapshots.get(event.stream)
        if found is None or found.version < event.version:
            found = await self.load(id_of(event.stream))
        if found is not None and not found.final:  # more is to be announced
            self._look_up_endpoints(found.request.owner.project)
        return found

    async def load_all(self, generation_ids: Sequence[str]) -> list[Generation]:
        """Load several generations, those that exist and can be read, in the order of the ids."""
        known = {stream: self._snapshots.get(stream) for stream in dict.fromkeys(map(stream_of, generation_ids))}
        newer = await self._newer.put_all(_head(stream, cached) for stream, cached in known.items())
        found = [self._readable(stream, known[stream], commits) for stream, commits in zip(known, newer, strict=True)]
        return [one for one in found if one is not None]

    def _readable(self, stream: str, cached: Generation | None, newer: list[Commit] | Exception) -> Generation | None:
        """Extend a snapshot; log what cannot be read, so that a damaged stream hides no other."""
        if not newer and cached is not None:
            return cached
        error: Exception
        if isinstance(newer, StoreUnavailableError):
            raise newer
        if isinstance(newer, Exception):
            error = newer
        else:
            try:
                return self._extended(cached, newer)
            except Exception as fault:  # noqa: BLE001
                error = fault
        log.critical("generation_unreadable", generation_id=id_of(stream), error=error)
        return None

    def _extended(self, cached: Generation | None, newer: Sequence[Commit]) -> Generation | None:
        return self._snapshots.extend(cached, newer) if newer or cached is None else cached

    async def _find_newer(self, items: Sequence[tuple[str, int]]) -> Sequence[list[Commit] | Exception]:
        heads = dict[str, int]()
        for stream, version in items:
            heads[stream] = min(version, heads.get(stream, version))
        found = await self._events.since(heads)
        return [found[stream] for stream, _ in items]

    async def ended(self, generation_ids: Sequence[str]) -> dict[str, bool]:
        """Map those generations that exist to whether they are final, in one round trip."""
        found = await self._events.types([stream_of(generation_id) for generation_id in generation_ids])
        return {id_of(stream): not types.isdisjoint(CATALOGUE.final) for stream, types in found.items()}

    async def begin(self, generation_id: str, event: Event, *, cause: Cause) -> Commit:
        """Append the first event; raises WrongExpectedVersionError when the stream exists."""
        stream = stream_of(generation_id)
        check(None, event)
        return await self._streams.append(stream, 0, [event], cause=_correlated(cause, stream))

    async def decide(
        self, generation_id: str, decision: Decision, *, cause: Cause, known: Generation | None = None
    ) -> Decided | None:
        """Load, decide and append, again after a lost race; None for no such generation.

        `known` is the generation as the caller has it (`Repository.decide`). Raises IllegalTransitionError
        for events that the rules forbid, and the store's errors.
        """
        stream, began = stream_of(generation_id), self._monotonic()
        decided = await self._streams.decide(
            stream,
            lambda generation: decision(generation) if generation is not None else [],
            cause=_correlated(cause, stream),
            known=known,
        )
        if decided.state is None:
            return None
        recorded = decided.commit.events if decided.commit is not None else ()
        cached = self._snapshots.get(stream)
        if recorded and cached is not None and cached.version == recorded[-1].version:
            return Decided(cached, tuple(one.event for one in recorded), began)
        return Decided(reduce(evolve, recorded, decided.state), tuple(one.event for one in recorded), began)

    async def remind(self, generation_id: str, queue: str) -> None:
        """Announce the last commit of a generation again, to one actor alone."""
        commits = await self._events.read(stream_of(generation_id))
        if commits:
            self._announce(replace(commits[-1], idle=frozenset(CATALOGUE.queues) - {queue}))

    def _appended(self, commit: Commit) -> None:
        """Advance the cached generation, and announce the commit to those who have something to do."""
        generation = self._snapshots.advance(commit)
        if self._metrics.enabled:
            measure(self._metrics, commit, generation)
        if generation is not None:
            has_endpoints = not self._lacks_endpoints(generation.request.owner.project)
            commit = replace(commit, idle=idle_actors(generation, commit.events, has_endpoints=has_endpoints))
        self._announce(commit)


def _head(stream: str, cached: Generation | None) -> tuple[str, int]:
    return stream, cached.version if cached is not None else 0


def _correlated(cause: Cause, stream: str) -> Cause:
    return replace(cause, correlation_id=cause.correlation_id or stream)


def _submitted(generation: Generation | None, cause: Cause) -> Cause:
    """Name the request and the trace of the submission, where no other request of a client asked for the change.

    A callback of the provider is a request too, of which the client knows nothing.
    """
    if generation is None or (cause.request_id is not None and cause.actor != PROVIDER):
        return cause
    request_id = generation.request_id or cause.request_id
    return replace(cause, request_id=request_id, traceparent=generation.traceparent or cause.traceparent)


def _log_fields(stream: str, generation: Generation | None) -> Mapping[str, object]:
    """Name the generation, and the request that created it where no other request asked for the change."""
    return {"generation_id": id_of(stream), "request_id": generation.request_id if generation else None}


def _check(generation: Generation | None, events: Sequence[Event]) -> None:
    """Check the events one by one, each against the state that the ones before it lead to."""
    for number, event in enumerate(events):
        if generation is not None:
            generation = foresee(generation, events[max(0, number - 1) : number])
        check(generation, event)
