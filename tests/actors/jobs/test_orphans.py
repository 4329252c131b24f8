"""The sweep for personal data and pictures that no stream names, behind many that one does."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pytest
import structlog

from actors.jobs.orphans import erase_orphans
from events.commit import Commit
from store.commits.memory import MemoryEventStore
from store.generations.generations import Generations
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.personal_data import PersonalData
from tests.actors.harness import BY_TEST
from tests.builders.clock import Clock
from tests.builders.generation import requested

MINUTES = timedelta(minutes=31)
RECORDED = "token-1"


class CountedPersonalData(MemoryPersonalData):
    """Personal data that count the round trips that confirm some."""

    confirmations = 0

    async def confirm(self, names: Sequence[tuple[str, str]]) -> None:
        self.confirmations += 1
        await super().confirm(names)


class DamagedEvents(MemoryEventStore):
    """A store in which some streams cannot be read."""

    damaged: frozenset[str] = frozenset()

    async def read(self, stream: str, *, after: int = 0) -> list[Commit]:
        if stream in self.damaged:
            raise ValueError(f"{stream} is damaged")
        return await super().read(stream, after=after)

    async def following(self, heads: Mapping[str, int]) -> list[Commit]:
        if self.damaged & heads.keys():
            raise ValueError("one of them is damaged")
        return await super().following(heads)


class Sweep:
    """Stores in memory, and the job on them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.events, self.personal_data, self.blobs = DamagedEvents(), CountedPersonalData(), MemoryBlobs()
        self.generations = Generations(self.events, announce=lambda _: None, clock=self.clock)

    async def submit(self, name: str, *, recorded: bool = True, token: str = RECORDED) -> None:
        self.clock.forward(milliseconds=1)
        stored = PersonalData(name, token, b"salt", '{"prompt": "a lake"}', (None,), self.clock())
        await self.personal_data.put(stored)
        if recorded:
            await self.generations.begin(name, requested(personal_data=RECORDED), cause=BY_TEST)

    async def run(self) -> int:
        self.clock.forward(seconds=MINUTES.total_seconds())
        return await erase_orphans(
            personal_data=self.personal_data,
            blobs=self.blobs,
            events=self.events,
            generations=self.generations,
            safe_now=self._now,
        )

    async def _now(self) -> datetime:
        return self.clock()

    async def is_stored(self, name: str, token: str = RECORDED) -> bool:
        return await self.personal_data.get(name, token) is not None


@pytest.fixture
def sweep() -> Sweep:
    return Sweep()


async def test_an_orphan_behind_many_submissions_is_erased_by_one_run(sweep: Sweep) -> None:
    for number in range(1_700):
        await sweep.submit(f"g{number}")
    await sweep.submit("orphan", recorded=False)

    assert await sweep.run() == 1

    assert not await sweep.is_stored("orphan")
    assert await sweep.is_stored("g0")
    assert sweep.personal_data.confirmations == 4
    assert await sweep.personal_data.unconfirmed_before(sweep.clock(), limit=10) == []


async def test_many_damaged_streams_hide_no_orphan(sweep: Sweep) -> None:
    names = [f"g{number}" for number in range(600)]
    for name in names:
        await sweep.submit(name)
    await sweep.submit("orphan", recorded=False)
    sweep.events.damaged = frozenset(f"generation-{name}" for name in names)

    assert await sweep.run() == 1

    assert not await sweep.is_stored("orphan")
    assert await sweep.is_stored("g599")


async def test_personal_data_of_another_token_than_the_recorded_one_are_orphans(sweep: Sweep) -> None:
    await sweep.submit("g1")
    await sweep.submit("g1", recorded=False, token="token-2")
    assert await sweep.run() == 1
    assert [await sweep.is_stored("g1", token) for token in (RECORDED, "token-2")] == [True, False]


async def test_a_run_tells_how_far_it_was_behind(sweep: Sweep) -> None:
    await sweep.submit("g1")
    sweep.clock.forward(hours=1)
    await sweep.submit("g2", recorded=False)
    with structlog.testing.capture_logs() as lines:
        await sweep.run()
    [line] = [line for line in lines if line["event"] == "orphans_swept"]
    assert (line["confirmed"], line["erased"], line["skipped"]) == (1, 1, 0)
    assert 3_600 <= line["lag_s"] < 3_700


async def test_what_a_blob_store_has_lost_is_deleted_by_every_run(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost() -> int:
        return 3

    monkeypatch.setattr(sweep.blobs, "sweep", lost)
    with structlog.testing.capture_logs() as lines:
        assert await sweep.run() == 3
    assert [(line["event"], line["objects"]) for line in lines] == [("lost_objects_deleted", 3)]
