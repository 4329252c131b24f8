"""Whoever waits for a slot gets it in turn, whatever others ask for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from domain.fair_slots import FairSlots


class Jobs:
    """Begins jobs, notes the order in which they get a slot, and ends them."""

    def __init__(self, slots: FairSlots) -> None:
        self.slots, self.begun = slots, list[str]()
        self._ends = dict[str, asyncio.Event]()
        self._tasks = list[asyncio.Task[None]]()

    async def begin(self, *names: str) -> None:
        """Begin jobs; the letters of a name tell the holder."""
        self._tasks += [asyncio.create_task(self._job(name)) for name in names]
        await asyncio.sleep(0)

    async def end(self, name: str) -> None:
        self._ends[name].set()
        for _ in range(4):
            await asyncio.sleep(0)

    async def cancel(self, number: int) -> None:
        self._tasks[number].cancel()
        await asyncio.wait([self._tasks[number]])

    async def end_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _job(self, name: str) -> None:
        async with self.slots.slot(name.rstrip("0123456789")):
            self.begun.append(name)
            await self._ends.setdefault(name, asyncio.Event()).wait()


@asynccontextmanager
async def jobs(count: int, most: int | None = None) -> AsyncIterator[Jobs]:
    made = Jobs(FairSlots(count, most=most))
    try:
        yield made
    finally:
        await made.end_all()


async def test_a_holder_with_many_jobs_delays_another_by_one() -> None:
    async with jobs(1) as made:
        await made.begin("a1", "a2", "a3", "b1", "b2")
        for name in ("a1", "b1", "a2", "b2"):
            await made.end(name)
        assert made.begun == ["a1", "b1", "a2", "b2", "a3"]


async def test_a_newcomer_precedes_whoever_has_jobs_in_progress() -> None:
    async with jobs(2) as made:
        await made.begin("a1", "a2", "a3", "a4", "b1")
        await made.end("a1")
        assert made.begun[2:] == ["b1"]
        await made.end("b1")
        assert made.begun[3:] == ["a3"]


async def test_a_holder_alone_has_all_slots_but_what_is_kept_for_others() -> None:
    async with jobs(3) as alone, jobs(3, most=2) as bounded:
        for made in (alone, bounded):
            await made.begin("a1", "a2", "a3")
        assert (len(alone.begun), len(bounded.begun)) == (3, 2)
        await bounded.begin("b1")
        assert bounded.begun == ["a1", "a2", "b1"]
        assert (bounded.slots.waiting(), bounded.slots.waiting("a"), bounded.slots.waiting("b")) == (1, 1, 0)


async def test_a_cancelled_job_leaves_the_queue_and_its_slot() -> None:
    async with jobs(1) as made:
        await made.begin("a1", "b1", "c1")
        await made.cancel(1)
        assert made.slots.waiting() == 1
        await made.cancel(0)
        await asyncio.sleep(0)
        assert made.begun == ["a1", "c1"]


async def test_a_slot_that_was_granted_to_a_cancelled_job_goes_on() -> None:
    async with jobs(1) as made:
        await made.begin("a1", "b1", "c1")
        made._ends["a1"].set()
        await asyncio.sleep(0)  # b1 was granted the slot and has not begun
        await made.cancel(1)
        await asyncio.sleep(0)
        assert made.begun[-1] == "c1"
        await made.end("c1")
        assert made.slots.is_free("a")


@pytest.mark.parametrize("count", [1, 2, 5])
async def test_no_more_than_the_slots_are_held_and_all_jobs_are_done(count: int) -> None:
    slots, held, most, done = FairSlots(count), 0, 0, 0

    async def job(number: int) -> None:
        nonlocal held, most, done
        async with slots.slot(str(number % 7)):
            held += 1
            most = max(most, held)
            await asyncio.sleep(0.001 * (number % 3))
            held -= 1
        done += 1

    await asyncio.gather(*(job(number) for number in range(60)))
    assert (most, done, slots.waiting()) == (count, 60, 0)
