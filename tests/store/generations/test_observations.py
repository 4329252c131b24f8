"""Observations of predictions: what is new is appended, what is not costs one read."""

from collections.abc import Mapping

from domain.generation.prediction import Prediction
from domain.generation.timings import Price
from events.commit import Commit
from events.envelope import Cause
from store.commits.memory import MemoryEventStore
from store.generations.generations import Generations
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.observations import Observations
from store.generations.predictions import Predictions
from store.mongo.connection import Database
from tests.builders.clock import Clock
from tests.builders.generation import ID, MODEL, RESERVED, VALIDATED, intended, requested

CAUSE = Cause(actor="provider")


class CountingEventStore(MemoryEventStore):
    """A store that counts how often a stream is read."""

    reads = 0

    async def read(self, stream: str, *, after: int = 0) -> list[Commit]:
        self.reads += 1
        return await super().read(stream, after=after)

    async def since(self, heads: Mapping[str, int]) -> dict[str, list[Commit] | Exception]:
        self.reads += 1
        return await super().since(heads)


async def test_a_repeated_start_is_read_once_and_changes_nothing(database: Database) -> None:
    events = CountingEventStore()
    generations = Generations(events, announce=lambda _: None, clock=Clock())
    await generations.begin(ID, requested(), cause=CAUSE)
    await generations.decide(ID, lambda _: [VALIDATED, RESERVED, intended()], cause=CAUSE)
    observations = Observations(generations, MemoryPersonalData(), Predictions(database), Price(0.001))
    running = Prediction("p1", "processing", None, model=MODEL)
    first = await observations.record(ID, 1, running, cause=CAUSE)
    assert first is not None
    assert [event.type for event in first.events] == ["generation.started"]
    events.reads = 0
    again = await observations.record(ID, 1, running, cause=CAUSE)
    assert again is not None
    assert (again.events, again.generation, events.reads) == ((), first.generation, 1)
