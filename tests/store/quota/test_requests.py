"""The daily requests over several processes: never above the limit, with few writes."""

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

import pytest

from domain.accounts.quota import day_of
from store.errors import StoreUnavailableError
from store.quota.request_counts import RequestCounts, TokenReturn
from store.quota.requests import Requests
from tests.builders.clock import Clock
from tests.stores import OpenStore


class CountingRequestCounts(RequestCounts):
    """The store's counts, with the number of calls."""

    def __init__(self, counts: RequestCounts) -> None:
        self._counts = counts
        self.writes = self.reads = 0
        self.returns: list[Sequence[TokenReturn]] = []
        self.out: Literal["before", "after"] | None = None

    async def take(self, developer: str, day: str, *, block: int, limit: int) -> tuple[int, int]:
        self.writes += 1
        return await self._counts.take(developer, day, block=block, limit=limit)

    async def give_back(self, returns: Sequence[TokenReturn]) -> None:
        self.writes += 1
        self.returns.append(returns)
        if self.out == "before":
            raise StoreUnavailableError("out")
        await self._counts.give_back(returns)
        if self.out == "after":
            raise StoreUnavailableError("out")

    async def taken(self, developer: str, day: str) -> int:
        self.reads += 1
        return await self._counts.taken(developer, day)


@pytest.fixture
def counts(store: OpenStore) -> CountingRequestCounts:
    return CountingRequestCounts(store.request_counts)


@pytest.mark.parametrize(("limit", "processes"), [(1_000, 1), (1_000, 3), (7, 3), (0, 2)])
async def test_concurrent_gateways_admit_exactly_the_daily_limit(
    counts: CountingRequestCounts, clock: Clock, limit: int, processes: int
) -> None:
    gateways = [Requests(counts, clock=clock) for _ in range(processes)]
    chance = random.Random(3)
    admitted = 0
    for _ in range(limit + 60):
        outcomes = await asyncio.gather(*(chance.choice(gateways).spend("d", limit) for _ in range(3)))
        admitted += sum(outcomes)
        if not any(outcomes):
            break
    clock.forward(seconds=2)
    late = [await requests.spend("d", limit) for requests in gateways for _ in range(120)]
    assert admitted + sum(late) == limit


async def test_a_thousand_requests_cost_few_writes(counts: CountingRequestCounts, clock: Clock) -> None:
    requests = Requests(counts, clock=clock)
    assert all([await requests.spend("d", 10_000) for _ in range(1_000)])
    assert counts.writes == 10


async def test_refusals_read_the_store_once_a_second(counts: CountingRequestCounts, clock: Clock) -> None:
    requests = Requests(counts, clock=clock)
    assert not any([await requests.spend("d", 0) for _ in range(50)])
    assert counts.writes == 1
    clock.forward(seconds=1)
    assert not await requests.spend("d", 0)
    assert counts.writes == 2


async def test_the_remainder_is_at_most_a_second_old(counts: CountingRequestCounts, clock: Clock) -> None:
    here, there = Requests(counts, clock=clock), Requests(counts, clock=clock)
    assert await here.left("d", 1_000) == 1_000
    await here.spend("d", 1_000)
    assert await here.left("d", 1_000) == 999
    await there.spend("d", 1_000)
    clock.forward(seconds=1)
    assert await here.left("d", 1_000) == 989, "a block that another gateway has set aside counts as used"
    assert counts.reads <= 3
    assert await here.left("d", None) is None


async def test_idle_blocks_are_returned_and_a_killed_gateway_loses_one_block(
    counts: CountingRequestCounts, clock: Clock, store: OpenStore
) -> None:
    idle, killed = Requests(counts, clock=clock), Requests(counts, clock=clock)
    for requests in (idle, killed):
        await requests.spend("d", 1_000)
    clock.forward(seconds=30)
    assert await idle.give_back(idle=timedelta(minutes=1)) == 0
    clock.forward(seconds=30)
    assert await idle.give_back(idle=timedelta(minutes=1)) == 9
    assert await store.request_counts.taken("d", day_of(clock.now)) == 1 + 10
    survivor = Requests(counts, clock=clock)
    let_in = 0
    while await survivor.spend("d", 1_000):
        let_in += 1
    assert 1_000 - 10 <= let_in + 2 <= 1_000


async def test_a_new_day_begins_at_midnight_utc(counts: CountingRequestCounts, clock: Clock) -> None:
    requests = Requests(counts, clock=clock)
    clock.now = clock.now.replace(hour=23, minute=59, second=59)
    assert [await requests.spend("d", 1) for _ in range(2)] == [True, False]
    clock.forward(seconds=1)
    assert [await requests.spend("d", 1) for _ in range(2)] == [True, False]


async def test_a_change_of_tier_applies_at_once(counts: CountingRequestCounts, clock: Clock) -> None:
    requests = Requests(counts, clock=clock)
    assert [await requests.spend("d", 2) for _ in range(3)] == [True, True, False]
    assert await requests.spend("d", 3), "up"
    assert not await requests.spend("d", 2), "down"
    assert await requests.spend("d", None), "unlimited"


async def test_after_a_downgrade_a_larger_block_is_not_spent(
    counts: CountingRequestCounts, clock: Clock, store: OpenStore
) -> None:
    requests = Requests(counts, clock=clock)
    for _ in range(5):
        assert await requests.spend("d", 10_000)
    assert [await requests.spend("d", 7) for _ in range(4)] == [True, True, False, False]
    assert await store.request_counts.taken("d", day_of(clock.now)) == 7
    assert await requests.spend("d", 10_000)
    assert await requests.left("d", 10_000) == 10_000 - 8


async def test_a_block_that_arrives_after_a_changed_limit_is_returned(
    counts: CountingRequestCounts, clock: Clock, store: OpenStore
) -> None:
    requests = Requests(counts, clock=clock)
    assert all(await asyncio.gather(requests.spend("d", 10_000), requests.spend("d", 1_000)))
    await requests.give_back()
    assert await store.request_counts.taken("d", day_of(clock.now)) == 2


@pytest.mark.parametrize("out", ["before", "after"])
async def test_a_failed_return_is_repeated_and_counted_once(
    counts: CountingRequestCounts, clock: Clock, store: OpenStore, out: Literal["before", "after"]
) -> None:
    requests = Requests(counts, clock=clock)
    await requests.spend("d", 1_000)
    counts.out = out
    for _ in range(3):
        with pytest.raises(StoreUnavailableError):
            await requests.give_back()
    counts.out = None
    assert await requests.give_back() == 9
    assert await store.request_counts.taken("d", day_of(clock.now)) == 1
    assert await requests.give_back() == 0
    assert len(counts.returns) == 4


async def test_developers_do_not_spend_each_others_requests(counts: CountingRequestCounts, clock: Clock) -> None:
    requests = Requests(counts, clock=clock)
    assert await requests.spend("one", 1)
    assert await requests.spend("other", 1)
    assert not await requests.spend("one", 1)
