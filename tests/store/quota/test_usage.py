"""Usage equals a recount of the log in every dimension, however the log was read."""

import asyncio
import itertools
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.jobs.subscribers import count
from domain.generation.generation import Generation
from domain.generation.timings import microusd_of
from events.invocation import DuplicateFound
from store.mongo.connection import Document
from store.quota.ledger import Bounds
from store.quota.usage import Dimension, Line, TooManyLinesError, UsageQuery, _pipeline
from store.quota.usage_recount import recount_usage
from store.quota.usage_sums import Count, SumKey, UsageSums
from tests.builders.clock import Clock
from tests.builders.generation import failed, intended, started
from tests.store.quota.conftest import BY_TEST, PAID, QuotaHarness
from tests.stores import OpenStore, open_store
from tests.systems.databases import Once

FAILED_LATE = failed("cancel_after", "deadline", retryable=True)
WIDE = Bounds(monthly=None, concurrent=None)
FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)


@pytest.fixture
async def lived(harness: QuotaHarness, store: OpenStore, clock: Clock, once: Once, limits_url: str) -> list[Generation]:
    """Forty generations of two developers, over two months, some of them still running."""
    if not once.copied(limits_url):
        once.keep(limits_url, (await _live(harness, store, clock), clock.now))
    generations, clock.now = once.value
    return list(generations)


async def _live(harness: QuotaHarness, store: OpenStore, clock: Clock) -> list[Generation]:
    chance, names = random.Random(11), [f"g{number}" for number in range(40)]
    clock.now = datetime(2026, 10, 29, 22, 30, tzinfo=UTC)
    for name in names:
        developer = chance.choice(("dev-1", "dev-1", "dev-2"))
        project, user = f"{developer}-prj-{chance.randrange(2)}", f"usr-{chance.randrange(3)}"
        key = chance.choice(("key-1", "key-2", None))
        await harness.admit(name, WIDE, developer=developer, project=project, user=f"{project}-{user}", key=key)
        if end := chance.choice(("completed", "completed", "failed", "running", "")):
            await harness.live(name, end)
        clock.forward(hours=chance.randrange(9))
    await count_log(store)
    found = [await harness.generations.load(name) for name in names]
    return [generation for generation in found if generation is not None]


async def count_log(store: OpenStore, pages: Sequence[int] = (200,)) -> None:
    """Seal the log and count it, in pages of these sizes over and over until its end."""
    while await store.sealed_log.seal():
        pass
    sizes, position = itertools.cycle(pages), await store.subscriptions.position("usage")
    while entries := await store.sealed_log.read(after=position, limit=next(sizes)):
        await count(entries, usage_sums=store.usage_sums, events=store.events, sealed_log=store.sealed_log)
        position = entries[-1].position
    await store.subscriptions.advance("usage", position)


async def sums(store: OpenStore) -> list[Document]:
    return sorted([one async for one in store.usage_sums.all()], key=lambda one: str(one["_id"]))


def recount(generations: Sequence[Generation], query: UsageQuery) -> dict[tuple[str, ...], Counter[str]]:
    """Count the folded streams directly."""
    sums: dict[tuple[str, ...], Counter[str]] = {}
    for g in generations:
        owner, day = g.request.owner, g.created_at.date()
        mine = owner.developer == query.developer and query.user in (None, owner.user)
        if mine and query.first <= day <= query.last:
            values = {
                "project": owner.project,
                "user": owner.user,
                "day": day.isoformat(),
                "month": g.request.period,
                "key": g.request.api_key or "",
            }
            counts = sums.setdefault(tuple(values[name] for name in query.by), Counter())
            counts["generations"] += 1
            counts[g.status if g.final else "running"] += 1
            counts["units"] += g.status != "failed"
            counts["cost_microusd"] += microusd_of(g) or 0
    return sums


def counted(lines: Sequence[Line]) -> dict[tuple[str, ...], Counter[str]]:
    names = ("generations", "completed", "failed", "running", "units", "cost_microusd")
    return {line.values: Counter({name: getattr(line.tally, name) for name in names}) for line in lines}


BY: tuple[tuple[Dimension, ...], ...] = (
    ("day",),
    ("month",),
    ("project",),
    ("user",),
    ("month", "project"),
    ("project", "user", "day"),
    ("project", "user", "month"),
    ("key",),
    ("key", "month"),
)


async def test_sums_equal_a_recount_of_the_log_in_every_dimension(lived: list[Generation], store: OpenStore) -> None:
    owner = lived[0].request.owner
    first = min(g.created_at for g in lived if g.request.owner.developer == "dev-1").date()
    queries = [UsageQuery(developer, FIRST, LAST, by) for by in BY for developer in ("dev-1", "dev-2", "dev-3")]
    queries.append(UsageQuery("dev-1", first, first + timedelta(days=1), ("day",)))
    queries.append(UsageQuery(owner.developer, FIRST, LAST, ("day",), owner.project, owner.user))
    for query in queries:
        lines = await store.usage.lines(query)
        assert counted(lines) == recount(lived, query)
        assert [line.values for line in lines] == sorted(line.values for line in lines)


async def test_costs_count_with_duplicates_and_after_the_end(harness: QuotaHarness, store: OpenStore) -> None:
    await harness.admit("g1", WIDE, key="key-1")
    await harness.live("g1", "running")
    known = await harness.generations.decide("g1", lambda g: [intended(), started(), FAILED_LATE], cause=BY_TEST)
    assert known is not None
    late = [PAID, DuplicateFound(attempt=1, prediction="other", predict_seconds=2.0, cost_microusd=1_950)]
    await harness.generations.decide("g1", lambda g: late, cause=BY_TEST)
    await count_log(store, (1,))
    [line] = await store.usage.lines(UsageQuery("dev-1", FIRST, LAST, ("key",)))
    generation = await harness.generations.load("g1")
    assert generation is not None
    assert (line.values, line.tally.cost_microusd) == (("key-1",), microusd_of(generation))
    assert line.tally.cost_microusd == (PAID.cost_microusd or 0) + 1_950
    assert await recount_usage(store.sealed_log, store.subscriptions, store.parking, store.usage_sums) == []


async def test_units_equal_the_ledger_and_repeated_settlements_change_nothing(
    lived: list[Generation], harness: QuotaHarness, store: OpenStore
) -> None:
    query = UsageQuery("dev-1", FIRST, LAST, ("month",))
    before = await store.usage.lines(query)
    for generation in lived:
        for _ in range(2 if generation.final else 0):
            await harness.settle(generation.id)
    account = await store.ledger.account("dev-1")
    assert {line.values[0]: line.tally.units for line in before} == dict(account.used)
    assert await store.usage.lines(query) == before


async def test_a_page_that_is_counted_again_or_by_two_schedulers_changes_nothing(
    lived: list[Generation], store: OpenStore, harness: QuotaHarness
) -> None:
    before = await sums(store)
    entries = await store.sealed_log.read(after=0, limit=200)
    for page in (entries, entries[:7], entries[3:]):
        await count(page, usage_sums=store.usage_sums, events=store.events, sealed_log=store.sealed_log)
    assert await sums(store) == before
    await store.database["usage"].delete_many({})
    counting = [
        count(entries, usage_sums=store.make(UsageSums), events=store.events, sealed_log=store.sealed_log)
        for _ in range(8)
    ]
    await asyncio.gather(*counting)
    assert await sums(store) == before


@pytest.mark.parametrize("late", [1, 2])
@pytest.mark.parametrize("again", [[1, 2], [1], [2]])
async def test_a_commit_that_was_parked_counts_once_when_its_page_is_read_again(
    store: OpenStore, late: int, again: list[int]
) -> None:
    key = SumKey("dev-1", "2026-11-20", "prj-1", "usr-1", "2026-11")
    counts = {position: Count(key, position, "generations") for position in (1, 2)}
    await store.usage_sums.add([counts[3 - late]])
    await store.usage_sums.add([replace(counts[late], late=True)])
    await store.usage_sums.add([counts[position] for position in again])
    assert [one["generations"] for one in await sums(store)] == [2]


async def test_a_commit_that_was_counted_before_it_was_parked_counts_once(store: OpenStore) -> None:
    key = SumKey("dev-1", "2026-11-20", "prj-1", "usr-1", "2026-11")
    counts = [Count(key, position, "generations") for position in (1, 2, 3)]
    await store.usage_sums.add(counts[:1])
    await store.usage_sums.add(counts[1:])
    for counted_one in counts:
        await store.usage_sums.add([replace(counted_one, late=True)])
    assert [one["generations"] for one in await sums(store)] == [3]


async def test_a_recount_finds_and_repairs_sums_that_differ(
    lived: list[Generation], store: OpenStore, harness: QuotaHarness
) -> None:
    async def again(*, repair: bool = True) -> list[str]:
        return await recount_usage(
            store.sealed_log, store.subscriptions, store.parking, store.usage_sums, repair=repair
        )

    before, collection = await sums(store), store.database["usage"]
    assert await again() == []
    wrong, lost, strange = str(before[0]["_id"]), str(before[1]["_id"]), "dev-9/2026-01-01/p/u/2026-01"
    await collection.update_one({"_id": wrong}, {"$inc": {"completed": 1}})
    await collection.delete_one({"_id": lost})
    await collection.insert_one({**before[0], "_id": strange, "developer": "dev-9"})
    found = await again(repair=False)
    assert set(found) == {wrong, lost, strange}
    assert await again() == found
    assert await again() == []
    repaired = {one["_id"]: one for one in await sums(store)}
    assert [repaired[one["_id"]]["failed"] for one in before] == [one["failed"] for one in before]
    await harness.admit("new", WIDE)
    await harness.live("new", "failed")
    await count_log(store, (1,))
    assert await again() == []


Steps = list[tuple[int, str]]


@given(
    steps=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(("begin", "completed", "failed"))), max_size=25),
    pages=st.lists(st.integers(1, 5), min_size=1, max_size=3),
)
@settings(max_examples=12, deadline=None)
def test_any_history_in_any_pages_gives_the_sums_of_a_recount(limits_url: str, steps: Steps, pages: list[int]) -> None:
    asyncio.run(count_history(limits_url, steps, pages))


async def count_history(url: str, steps: Steps, pages: list[int]) -> None:
    """Live a history, count its log now and then, and compare the sums with the folded streams."""
    async with open_store(url) as store:
        harness = QuotaHarness(store.events, store.ledger, Clock())
        running, names = list[str](), list[str]()
        for number, (which, what) in enumerate(steps):
            if what == "begin" or not running:
                names.append(f"g{number}")
                running.append(f"g{number}")
                await harness.begin(f"g{number}", project=f"prj-{which % 2}", user=f"usr-{which}")
            else:
                await harness.live(running.pop(which % len(running)), what)
            if number % 4 == which:
                await count_log(store, pages)
        await count_log(store, pages)
        lived = [one for name in names if (one := await harness.generations.load(name)) is not None]
        query = UsageQuery("dev-1", date(2020, 1, 1), date(2029, 1, 1), ("project", "user", "day"))
        assert counted(await store.usage.lines(query)) == recount(lived, query)
        assert await recount_usage(store.sealed_log, store.subscriptions, store.parking, store.usage_sums) == []
        for name in ("commits", "log", "usage", "subscriptions"):
            await store.database[name].delete_many({})


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (UsageQuery("dev-1", FIRST, LAST, ("project",)), "_id_"),
        (UsageQuery("dev-1", FIRST, LAST, ("day",), "dev-1-prj-0", "dev-1-prj-0-usr-0"), "of_user"),
    ],
)
async def test_usage_reads_the_sums_of_its_days_by_an_index(
    lived: list[Generation], store: OpenStore, query: UsageQuery, index: str
) -> None:
    found = await sums(store)
    mine = [one for one in found if one["developer"] == "dev-1" and query.user in (None, one["user"])]
    explained = {"aggregate": "usage", "pipeline": _pipeline(query), "cursor": {}}
    plan = await store.database.command("explain", explained, verbosity="executionStats")
    text = json.dumps(plan, default=str)
    assert f'"indexName": "{index}"' in text
    assert f'"totalDocsExamined": {len(mine)}' in text


async def test_too_many_lines_are_refused(
    lived: list[Generation], store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.quota.usage.MOST_LINES", 2)
    with pytest.raises(TooManyLinesError):
        await store.usage.lines(UsageQuery("dev-1", FIRST, LAST, ("day",)))
