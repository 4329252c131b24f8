"""The deadlines of many generations at once, whose rows are written later."""

from datetime import datetime

from actors.jobs.deadlines import Deadlines
from domain.generation.lifecycle import Timeouts
from store.commits.memory import MemoryEventStore
from store.generations.generations import Generations
from store.generations.memory_projection import MemoryProjection
from store.generations.projection import row_of
from tests.actors.harness import BY_TEST
from tests.builders.clock import Clock
from tests.builders.generation import requested


async def test_one_run_ends_every_generation_that_is_past_its_deadline() -> None:
    clock, projection = Clock(), MemoryProjection()
    generations = Generations(MemoryEventStore(), announce=lambda _: None, clock=clock)
    names = [f"g{number}" for number in range(450)]
    for name in names:
        await generations.begin(name, requested(), cause=BY_TEST)
    begun = await generations.load_all(names)
    await projection.write([row_of(generation, Timeouts(), {}) for generation in begun])
    clock.forward(hours=1)

    async def safe_now() -> datetime:
        return clock()

    deadlines = Deadlines(projection=projection, generations=generations, safe_now=safe_now, monotonic=clock.monotonic)
    assert await deadlines.expire() == 450
    assert {generation.status for generation in await generations.load_all(names)} == {"failed"}
