import asyncio

import pytest

from store.mongo.recent import Recent


class Source:
    """Answers with the number of reads so far."""

    def __init__(self) -> None:
        self.reads = 0
        self.now = 0.0
        self.fails = False

    async def read(self) -> int:
        await asyncio.sleep(0)
        self.reads += 1
        if self.fails:
            raise ConnectionError
        return self.reads


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def recent(source: Source) -> Recent[int]:
    return Recent(source.read, seconds=1.0, monotonic=lambda: source.now)


async def test_an_answer_is_used_until_it_is_too_old(recent: Recent[int], source: Source) -> None:
    assert [await recent.get(), await recent.get()] == [1, 1]
    source.now = 1.0
    assert await recent.get() == 2


async def test_a_younger_answer_can_be_asked_for(recent: Recent[int], source: Source) -> None:
    await recent.get()
    source.now = 0.6
    assert [await recent.get(at_most=0.7), await recent.get(at_most=0.5)] == [1, 2]
    source.now = 1.1
    assert await recent.get() == 2


async def test_concurrent_reads_are_one(recent: Recent[int]) -> None:
    assert [*await asyncio.gather(recent.get(), recent.get(), recent.fresh())] == [1, 1, 1]


async def test_a_fresh_answer_replaces_the_known_one(recent: Recent[int]) -> None:
    await recent.get()
    assert [await recent.fresh(), await recent.get()] == [2, 2]


async def test_nothing_is_known_after_it_was_forgotten(recent: Recent[int]) -> None:
    await recent.get()
    recent.forget()
    assert await recent.get() == 2


async def test_a_failure_is_raised_and_not_kept(recent: Recent[int], source: Source) -> None:
    source.fails = True
    with pytest.raises(ConnectionError):
        await recent.get()
    source.fails = False
    assert await recent.get() == 2
