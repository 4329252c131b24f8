import asyncio
from functools import partial

import pytest

from domain.generation import decisions, invocation
from domain.generation.fold import IllegalTransitionError
from domain.generation.generation import Generation, State
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.generation import DuplicateFound
from store.commits.contract import EventStore
from store.errors import WrongExpectedVersionError
from store.generations.generations import Generations
from tests.builders.generation import COMPLETED, ID, MODEL, RESERVED, VALIDATED, failed, intended, requested
from tests.store.conftest import Clock

CAUSE = Cause(actor="actor:test")


class House:
    def __init__(self, events: EventStore, clock: Clock) -> None:
        self.announced: list[Commit] = []
        self.events = events
        self.generations = Generations(events, announce=self.announced.append, clock=clock)

    async def on_the_road(self, *facts: Event) -> None:
        await self.generations.begin(ID, requested(), cause=CAUSE)
        for fact in facts:
            await self.generations.decide(ID, lambda _, fact=fact: [fact], cause=CAUSE)  # type: ignore[misc]


@pytest.fixture
def house(events: EventStore, clock: Clock) -> House:
    return House(events, clock)


async def test_what_does_not_exist_is_neither_loaded_nor_decided_on(house: House) -> None:
    assert await house.generations.load(ID) is None
    assert await house.generations.decide(ID, decisions.cancel, cause=CAUSE) is None
    assert house.announced == []


async def test_a_decision_is_appended_and_announced_and_its_state_returned(
    house: House, clock: Clock
) -> None:
    await house.on_the_road()
    clock.forward(seconds=3)
    decided = await house.generations.decide(
        ID, partial(decisions.validate, validated=VALIDATED), cause=CAUSE
    )
    assert decided is not None
    assert decided.events == (VALIDATED,)
    assert decided.generation == await house.generations.load(ID)
    assert decided.generation.moved_at == clock.now
    assert house.announced == await house.events.read(f"generation-{ID}")


async def test_deciding_nothing_appends_and_announces_nothing(house: House) -> None:
    await house.on_the_road(VALIDATED)
    decided = await house.generations.decide(
        ID, partial(decisions.validate, validated=VALIDATED), cause=CAUSE
    )
    assert decided is not None
    assert decided.events == ()
    assert len(house.announced) == 2


async def test_a_generation_begins_once(house: House) -> None:
    await house.on_the_road()
    with pytest.raises(WrongExpectedVersionError):
        await house.generations.begin(ID, requested(), cause=CAUSE)
    with pytest.raises(IllegalTransitionError):
        await house.generations.begin("other", VALIDATED, cause=CAUSE)


async def test_the_illegal_is_refused_also_in_the_middle_of_a_decision(house: House) -> None:
    await house.on_the_road()
    for facts in ([COMPLETED], [VALIDATED, VALIDATED], [failed("canceled", "x"), VALIDATED]):
        with pytest.raises(IllegalTransitionError):
            await house.generations.decide(ID, lambda _, facts=facts: facts, cause=CAUSE)  # type: ignore[misc]
    assert len(house.announced) == 1


async def test_a_decision_from_what_is_known_is_appended_only_if_it_is_still_so(house: House) -> None:
    await house.on_the_road(VALIDATED)
    known = await house.generations.load(ID)
    await house.generations.decide(ID, decisions.cancel, cause=CAUSE)
    decided = await house.generations.decide(
        ID, lambda g: [] if g.final else [RESERVED], cause=CAUSE, known=known
    )
    assert decided is not None
    assert decided.events == ()
    assert decided.generation == await house.generations.load(ID)


async def test_what_changes_nothing_and_is_known_still_changes_nothing(house: House) -> None:
    await house.on_the_road(VALIDATED)
    known = await house.generations.load(ID)
    decided = await house.generations.decide(ID, lambda _: [], cause=CAUSE, known=known)
    assert decided is not None
    assert (decided.generation, decided.events) == (known, ())


async def test_what_changes_nothing_from_what_is_known_is_decided_again_from_the_log(house: House) -> None:
    await house.on_the_road()
    known = await house.generations.load(ID)
    await house.generations.decide(ID, partial(decisions.validate, validated=VALIDATED), cause=CAUSE)
    reserve = partial(decisions.reserve, reserved=RESERVED)
    decided = await house.generations.decide(ID, reserve, cause=CAUSE, known=known)
    assert decided is not None
    assert decided.events == (RESERVED,)


async def test_the_same_decision_taken_by_many_at_once_is_appended_once(house: House) -> None:
    await house.on_the_road(VALIDATED, RESERVED)
    decide = partial(
        house.generations.decide, ID, lambda g: [intended()] if g.attempt == 0 else [], cause=CAUSE
    )
    outcomes = await asyncio.gather(*(decide() for _ in range(12)))
    assert sum(bool(outcome and outcome.events) for outcome in outcomes) == 1
    assert all(outcome and outcome.generation.state is State.INTENDED for outcome in outcomes)


async def test_of_several_predictions_at_once_one_is_adopted_and_every_other_is_kept(house: House) -> None:
    await house.on_the_road(VALIDATED, RESERVED, intended())

    def found(number: int) -> partial[list[Event]]:
        return partial(invocation.start, attempt=1, prediction=f"p{number}", model=MODEL)

    outcomes = await asyncio.gather(
        *(house.generations.decide(ID, found(number), cause=CAUSE) for number in range(6))
    )
    duplicates = [
        event
        for outcome in outcomes
        if outcome
        for event in outcome.events
        if isinstance(event, DuplicateFound)
    ]
    generation = await house.generations.load(ID)
    assert generation is not None
    assert len(duplicates) == 5
    assert {generation.prediction, *(known.prediction for known in generation.duplicates)} == {
        f"p{number}" for number in range(6)
    }


async def test_a_race_that_is_always_lost_ends_in_a_conflict(house: House) -> None:
    await house.on_the_road()
    loser = Generations(Behind(house.events), announce=house.announced.append, clock=Clock())

    def cancel(g: Generation) -> list[Event]:
        return decisions.cancel(g)

    with pytest.raises(WrongExpectedVersionError):
        await loser.decide(ID, cancel, cause=CAUSE)
    assert len(house.announced) == 1


class Behind:
    """A store in which somebody else always appends first."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self.read = events.read
        self.following = events.following
        self.types = events.types
        self.commits = events.commits
        self.unpublished = events.unpublished
        self.mark_published = events.mark_published

    async def append(self, stream: str, expected_version: int, *_: object, **__: object) -> Commit:
        raise WrongExpectedVersionError(stream, expected_version)
