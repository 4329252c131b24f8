import asyncio
from collections.abc import Mapping
from functools import partial

import pytest

from domain.generation import decisions, invocation
from domain.generation.fold import IllegalTransitionError
from domain.generation.generation import Generation, State
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.invocation import DuplicateFound
from store.commits.contract import EventStore
from store.commits.memory import MemoryEventStore
from store.errors import WrongExpectedVersionError
from store.generations.generations import Generations
from tests.builders.clock import Clock
from tests.builders.generation import COMPLETED, ID, MODEL, RESERVED, VALIDATED, failed, intended, requested

CAUSE = Cause(actor="actor:test")


class GenerationsHarness:
    def __init__(self, events: EventStore, clock: Clock) -> None:
        self.announced: list[Commit] = []
        self.events = events
        self.generations = Generations(events, announce=self.announced.append, clock=clock)

    async def append(self, *facts: Event) -> None:
        await self.generations.begin(ID, requested(), cause=CAUSE)
        for fact in facts:
            await self.generations.decide(ID, lambda _, fact=fact: [fact], cause=CAUSE)  # type: ignore[misc]


@pytest.fixture
def harness(events: EventStore, clock: Clock) -> GenerationsHarness:
    return GenerationsHarness(events, clock)


async def test_an_unknown_generation_is_neither_loaded_nor_decided_on(harness: GenerationsHarness) -> None:
    assert await harness.generations.load(ID) is None
    assert await harness.generations.decide(ID, decisions.cancel, cause=CAUSE) is None
    assert harness.announced == []


async def test_a_reader_sees_what_another_process_appended(harness: GenerationsHarness) -> None:
    other = Generations(harness.events, announce=lambda _: None, clock=Clock())
    assert await other.load(ID) is None
    await harness.append(VALIDATED)
    for fact in (RESERVED, intended()):
        seen = await other.load(ID)
        assert seen == await harness.generations.load(ID)
        assert await other.load_all([ID, "nobody"]) == [seen]
        await harness.generations.decide(ID, lambda _, fact=fact: [fact], cause=CAUSE)  # type: ignore[misc]
        assert await other.load_all(["nobody", ID]) == [await harness.generations.load(ID)]
    reads = await asyncio.gather(*(other.load(ID) for _ in range(9)))
    assert reads == [await harness.generations.load(ID)] * 9


async def test_a_decision_is_appended_and_announced_and_its_state_returned(
    harness: GenerationsHarness, clock: Clock
) -> None:
    await harness.append()
    clock.forward(seconds=3)
    decided = await harness.generations.decide(ID, partial(decisions.validate, validated=VALIDATED), cause=CAUSE)
    assert decided is not None
    assert decided.events == (VALIDATED,)
    assert decided.generation == await harness.generations.load(ID)
    assert decided.generation.moved_at == clock.now
    assert harness.announced == await harness.events.read(f"generation-{ID}")


async def test_deciding_nothing_appends_and_announces_nothing(harness: GenerationsHarness) -> None:
    await harness.append(VALIDATED)
    decided = await harness.generations.decide(ID, partial(decisions.validate, validated=VALIDATED), cause=CAUSE)
    assert decided is not None
    assert decided.events == ()
    assert len(harness.announced) == 2


async def test_a_generation_begins_once(harness: GenerationsHarness) -> None:
    await harness.append()
    with pytest.raises(WrongExpectedVersionError):
        await harness.generations.begin(ID, requested(), cause=CAUSE)
    with pytest.raises(IllegalTransitionError):
        await harness.generations.begin("other", VALIDATED, cause=CAUSE)


async def test_an_illegal_event_is_refused_also_within_a_decision(harness: GenerationsHarness) -> None:
    await harness.append()
    for facts in ([COMPLETED], [VALIDATED, VALIDATED], [failed("canceled", "x"), VALIDATED]):
        with pytest.raises(IllegalTransitionError):
            await harness.generations.decide(ID, lambda _, facts=facts: facts, cause=CAUSE)  # type: ignore[misc]
    assert len(harness.announced) == 1


async def test_a_decision_on_an_outdated_known_state_is_made_again(harness: GenerationsHarness) -> None:
    await harness.append(VALIDATED)
    known = await harness.generations.load(ID)
    await harness.generations.decide(ID, decisions.cancel, cause=CAUSE)
    decided = await harness.generations.decide(ID, lambda g: [] if g.final else [RESERVED], cause=CAUSE, known=known)
    assert decided is not None
    assert decided.events == ()
    assert decided.generation == await harness.generations.load(ID)


class NotedReads(MemoryEventStore):
    """Notes behind which versions streams are read."""

    def __init__(self) -> None:
        super().__init__()
        self.behind = list[int]()

    async def since(self, heads: Mapping[str, int]) -> dict[str, list[Commit] | Exception]:
        self.behind += heads.values()
        return await super().since(heads)


async def test_after_a_lost_race_only_newer_commits_are_read(clock: Clock) -> None:
    events = NotedReads()
    harness, other = GenerationsHarness(events, clock), GenerationsHarness(events, clock)
    await harness.append(VALIDATED)
    known = await harness.generations.load(ID)
    await other.generations.decide(ID, lambda _: [RESERVED], cause=CAUSE)
    events.behind.clear()
    decided = await harness.generations.decide(
        ID, lambda g: [intended()] if g.reserved else [RESERVED], cause=CAUSE, known=known
    )
    assert decided is not None
    assert decided.events == (intended(),)
    assert events.behind == [2]


async def test_endpoints_are_looked_up_before_a_generation_is_acted_on(events: EventStore, clock: Clock) -> None:
    without = set[str]()
    harness = GenerationsHarness(events, clock)
    worker = Generations(
        events,
        announce=harness.announced.append,
        clock=clock,
        lacks_endpoints=without.__contains__,
        look_up_endpoints=without.add,
    )
    await harness.append()
    [begun] = harness.announced[-1].events
    assert "delivery" not in harness.announced[-1].idle
    known = await worker.recall(begun)
    await worker.decide(ID, lambda _: [VALIDATED], cause=CAUSE, known=known)
    assert "delivery" in harness.announced[-1].idle
    without.clear()
    await worker.decide(ID, lambda _: [failed("canceled", "x")], cause=CAUSE)
    await worker.recall(harness.announced[-1].events[-1])
    assert not without, "nothing more is announced of a generation that has ended"


async def test_no_events_from_a_current_known_state_append_nothing(harness: GenerationsHarness) -> None:
    await harness.append(VALIDATED)
    known = await harness.generations.load(ID)
    decided = await harness.generations.decide(ID, lambda _: [], cause=CAUSE, known=known)
    assert decided is not None
    assert (decided.generation, decided.events) == (known, ())


async def test_no_events_from_an_outdated_known_state_are_decided_again(harness: GenerationsHarness) -> None:
    await harness.append()
    known = await harness.generations.load(ID)
    await harness.generations.decide(ID, partial(decisions.validate, validated=VALIDATED), cause=CAUSE)
    reserve = partial(decisions.reserve, reserved=RESERVED)
    decided = await harness.generations.decide(ID, reserve, cause=CAUSE, known=known)
    assert decided is not None
    assert decided.events == (RESERVED,)


async def test_concurrent_equal_decisions_are_appended_once(harness: GenerationsHarness) -> None:
    await harness.append(VALIDATED, RESERVED)
    decide = partial(harness.generations.decide, ID, lambda g: [intended()] if g.attempt == 0 else [], cause=CAUSE)
    outcomes = await asyncio.gather(*(decide() for _ in range(12)))
    assert sum(bool(outcome and outcome.events) for outcome in outcomes) == 1
    assert all(outcome and outcome.generation.state is State.INTENDED for outcome in outcomes)


async def test_of_concurrent_predictions_one_is_adopted_and_the_others_are_recorded(
    harness: GenerationsHarness,
) -> None:
    await harness.append(VALIDATED, RESERVED, intended())

    def found(number: int) -> partial[list[Event]]:
        return partial(invocation.start, attempt=1, prediction=f"p{number}", model=MODEL)

    outcomes = await asyncio.gather(
        *(harness.generations.decide(ID, found(number), cause=CAUSE) for number in range(6))
    )
    duplicates = [
        event for outcome in outcomes if outcome for event in outcome.events if isinstance(event, DuplicateFound)
    ]
    generation = await harness.generations.load(ID)
    assert generation is not None
    assert len(duplicates) == 5
    assert {generation.prediction, *(known.prediction for known in generation.duplicates)} == {
        f"p{number}" for number in range(6)
    }


async def test_a_race_that_is_always_lost_ends_in_a_conflict(harness: GenerationsHarness) -> None:
    await harness.append()
    loser = Generations(AlwaysConflicting(harness.events), announce=harness.announced.append, clock=Clock())

    def cancel(g: Generation) -> list[Event]:
        return decisions.cancel(g)

    with pytest.raises(WrongExpectedVersionError):
        await loser.decide(ID, cancel, cause=CAUSE)
    assert len(harness.announced) == 1


class AlwaysConflicting:
    """A store in which another writer always appends first."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self.read = events.read
        self.following = events.following
        self.since = events.since
        self.types = events.types
        self.commits = events.commits

    async def append(self, stream: str, expected_version: int, *_: object, **__: object) -> Commit:
        raise WrongExpectedVersionError(stream, expected_version)
