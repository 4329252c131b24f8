"""Decide for several actors and append once, as far as nothing outside stands before the next decision."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from actors.cause import cause_of
from actors.read_ahead import ReadAhead
from domain.generation.fold import foresee
from domain.generation.generation import Generation, id_of
from events.catalogue import CATALOGUE
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.generation import GenerationRequested
from store.generations.generations import Decided, Decision, Generations
from store.tracing import NO_TRACER, Tracer

Decide = Callable[[Generation], Awaitable[Decision | None]]
Follow = Callable[[Decided, Cause], Awaitable[None]]
LookAhead = Callable[[RecordedEvent, GenerationRequested], None]

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Step:
    """An actor that moves generations.

    decide: prepares its decision; None when it has nothing to do in that state.
    follow: its effects once the events are in the log, repeatable but for what `Decided.events` allows; None for none.
    look_ahead: begins to read what its decision will need about an event, which may be old; changes nothing.
    """

    decide: Decide
    follow: Follow | None
    look_ahead: LookAhead | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Run the actor of a queue, then those that react to what it decided, and append all their events at once.

    `own_queues` are the queues of this worker: an event for another one ends the chain and is delivered.
    """

    generations: Generations
    steps: Mapping[str, Step]
    own_queues: Collection[str]
    tracer: Tracer = NO_TRACER
    read_ahead: ReadAhead = field(default_factory=ReadAhead)

    async def run(self, queue: str, event: RecordedEvent) -> None:
        """Handle an event; only the call that appended an event has the effects that follow it once."""
        self._look_ahead([queue], event, self.generations.known(event.stream))
        try:
            await self._run(queue, event)
        finally:
            self.read_ahead.forget(id_of(event.stream))

    def _look_ahead(self, queues: Sequence[str], event: RecordedEvent, generation: Generation | None) -> None:
        """Begin to read what actors will need about an event, unless the generation is known to be further."""
        request = event.event if generation is None else generation.request
        if not isinstance(request, GenerationRequested) or (generation and generation.version > event.version):
            return
        for queue in queues:
            if (look_ahead := self.steps[queue].look_ahead) is not None:
                look_ahead(event, request)

    async def _run(self, queue: str, event: RecordedEvent) -> None:
        generation = await self.generations.recall(event)
        if generation is None:
            return
        # Not sooner: what the first actor needs would be read later.
        others = [name for name in self.steps if name != queue and name in self.own_queues]
        self._look_ahead(others, event, generation)
        decisions = await self._decisions(queue, generation)
        decided = Decided(generation)
        if decisions:
            together, cause = _together(list(decisions.values())), cause_of(queue, event)
            decided = await self.generations.decide(generation.id, together, cause=cause, known=generation) or decided
        for name in decisions or (queue,):
            if (follow := self.steps[name].follow) is not None:
                with self.tracer.span(f"follow {name}"):
                    await follow(decided, cause_of(name, event))

    async def _decisions(self, queue: str, generation: Generation) -> dict[str, Decision]:
        """Collect the decisions of a chain by queue, each made for the state that those before it lead to."""
        decisions: dict[str, Decision] = {}
        events: Sequence[Event] = ()
        following: str | None = queue
        while following is not None and following not in decisions:
            generation = foresee(generation, events)
            decision = await self._decision(following, generation, first=not decisions)
            events = decision(generation) if decision else ()
            if decision is None or not events:
                break
            decisions[following], following = decision, self._next(events[-1])
        return decisions

    async def _decision(self, queue: str, generation: Generation, *, first: bool) -> Decision | None:
        """Ask an actor; where a later one fails, the chain ends: its event is delivered and tried for itself."""
        try:
            with self.tracer.span(f"decide {queue}"):
                return await self.steps[queue].decide(generation)
        except Exception as error:
            if first:
                raise
            log.warning("chain_ended", next_queue=queue, error=type(error).__name__)
            return None

    def _next(self, event: Event) -> str | None:
        queues = CATALOGUE[event.type].queues
        return next((queue for queue in queues if queue in self.steps and queue in self.own_queues), None)


def _together(decisions: Sequence[Decision]) -> Decision:
    """Make one decision of several: each decides on what the ones before it lead to."""

    def decide(generation: Generation) -> Sequence[Event]:
        events: list[Event] = []
        decided: Sequence[Event] = ()
        for decision in decisions:
            generation = foresee(generation, decided)
            decided = decision(generation)
            events.extend(decided)
        return events

    return decide
