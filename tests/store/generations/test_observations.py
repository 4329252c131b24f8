"""Observations of predictions: what is new is appended, what is not costs one read."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from domain.generation import invocation
from domain.generation.callback import Callback, callback_url
from domain.generation.prediction import Prediction
from domain.generation.timings import Price
from events.commit import Commit
from events.envelope import Cause
from store.commits.memory import MemoryEventStore
from store.generations.generations import Generations
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.observations import Observations
from store.generations.personal_data import ProviderTexts
from store.generations.predictions import Predictions
from store.mongo.connection import Database
from tests.builders.clock import Clock
from tests.builders.generation import ID, MODEL, RESERVED, VALIDATED, intended, requested

CAUSE = Cause(actor="provider")
KEY = b"k" * 32
OTHER = "00000000-0000-4000-8000-0000000000ff"


class CountingEventStore(MemoryEventStore):
    """A store that counts how often a stream is read, and how often an append is tried."""

    reads = appends = 0

    async def append(self, *args: Any, **named: Any) -> Commit:
        self.appends += 1
        return await super().append(*args, **named)

    async def read(self, stream: str, *, after: int = 0) -> list[Commit]:
        self.reads += 1
        return await super().read(stream, after=after)

    async def since(self, heads: Mapping[str, int]) -> dict[str, list[Commit] | Exception]:
        self.reads += 1
        return await super().since(heads)


async def _intended_generation(events: MemoryEventStore) -> Generations:
    generations = Generations(events, announce=lambda _: None, clock=Clock())
    if await generations.load(ID) is not None:
        return generations
    await generations.begin(ID, requested(), cause=CAUSE)
    await generations.decide(ID, lambda _: [VALIDATED, RESERVED, intended()], cause=CAUSE)
    return generations


def _observations(generations: Generations, database: Database) -> Observations:
    return Observations(generations, MemoryPersonalData(), Predictions(database), Price(0.001), [KEY])


def _address(generation: str, key: bytes = KEY) -> str:
    return callback_url("https://exemplar.test", Callback(generation, 1), [key], provider="replicate")


async def test_a_repeated_start_is_read_once_and_changes_nothing(database: Database) -> None:
    events = CountingEventStore()
    observations = _observations(await _intended_generation(events), database)
    running = Prediction("p1", "processing", None, model=MODEL)
    first = await observations.record(ID, 1, running, cause=CAUSE)
    assert first is not None
    assert [event.type for event in first.events] == ["generation.started"]
    events.reads = 0
    again = await observations.record(ID, 1, running, cause=CAUSE)
    assert again is not None
    assert (again.events, again.generation, events.reads) == ((), first.generation, 1)


async def test_a_prediction_with_the_address_of_the_generation_needs_no_claim(database: Database) -> None:
    observations = _observations(await _intended_generation(MemoryEventStore()), database)
    addressed = Prediction("p1", "processing", None, model=MODEL, webhook=_address(ID))
    assert await observations.record(ID, 1, addressed, cause=CAUSE) is not None
    assert await database["predictions"].count_documents({}) == 0


async def test_a_prediction_with_the_address_of_another_generation_changes_nothing(database: Database) -> None:
    events = MemoryEventStore()
    observations = _observations(await _intended_generation(events), database)
    foreign = Prediction("p1", "processing", None, model=MODEL, webhook=_address(OTHER))
    before = await events.read(f"generation-{ID}")
    assert await observations.record(ID, 1, foreign, cause=CAUSE) is None
    assert await events.read(f"generation-{ID}") == before


class StartedMeanwhile(MemoryPersonalData):
    """Personal data whose store takes so long that the start of a prediction is recorded meanwhile."""

    def __init__(self, start: Callable[[], Awaitable[object]]) -> None:
        super().__init__()
        self.start = start

    async def put_provider(self, generation: str, token: str, texts: ProviderTexts) -> str | None:
        await self.start()
        return await super().put_provider(generation, token, texts)


async def test_a_start_that_is_recorded_while_an_answer_is_kept_costs_no_second_decision(database: Database) -> None:
    events = CountingEventStore()
    worker, gateway = await _intended_generation(events), await _intended_generation(events)
    ended = Prediction("p1", "succeeded", "succeeded", outputs=("https://out/1",), model=MODEL, webhook=_address(ID))

    def start() -> Awaitable[object]:
        return worker.decide(ID, lambda g: invocation.start(g, attempt=1, prediction="p1", model=MODEL), cause=CAUSE)

    observations = Observations(gateway, StartedMeanwhile(start), Predictions(database), Price(0.001), [KEY])
    events.appends = 0
    recorded = await observations.record(ID, 1, ended, cause=CAUSE)
    assert recorded is not None
    assert [event.type for event in recorded.events] == ["generation.prediction_settled"]
    assert events.appends == 2, "the start and the end, each once"


@pytest.mark.parametrize("webhook", [None, "https://other.test/hook", "https://[", _address(ID, b"x" * 32)])
async def test_a_prediction_without_a_signed_address_belongs_to_its_first_claimer(
    database: Database, webhook: str | None
) -> None:
    observations = _observations(await _intended_generation(MemoryEventStore()), database)
    assert await observations.predictions.claim("p1", OTHER)
    listed = Prediction("p1", "processing", None, model=MODEL, webhook=webhook)
    assert await observations.record(ID, 1, listed, cause=CAUSE) is None
