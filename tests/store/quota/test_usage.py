"""Usage equals a recount of the log in every dimension."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.generation.generation import Generation
from store.quota.ledger import Bounds
from store.quota.usage import Dimension, Line, TooManyLinesError, UsageQuery, _pipeline
from tests.builders.clock import Clock
from tests.store.quota.conftest import QuotaHarness
from tests.stores import OpenStore

WIDE = Bounds(monthly=None, concurrent=None)
FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)


@pytest.fixture
async def lived(harness: QuotaHarness, clock: Clock) -> list[Generation]:
    """Forty generations of two developers, over two months, some of them still running."""
    chance, names = random.Random(11), [f"g{number}" for number in range(40)]
    clock.now = datetime(2026, 10, 29, 22, 30, tzinfo=UTC)
    for name in names:
        developer = chance.choice(("dev-1", "dev-1", "dev-2"))
        project, user = f"{developer}-prj-{chance.randrange(2)}", f"usr-{chance.randrange(3)}"
        await harness.admit(name, WIDE, developer=developer, project=project, user=f"{project}-{user}")
        if end := chance.choice(("completed", "completed", "failed", "running", "")):
            await harness.live(name, end)
        clock.forward(hours=chance.randrange(9))
    found = [await harness.generations.load(name) for name in names]
    return [generation for generation in found if generation is not None]


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
            }
            counts = sums.setdefault(tuple(values[name] for name in query.by), Counter())
            counts["generations"] += 1
            counts[g.status if g.final else "running"] += 1
            counts["units"] += g.status != "failed"
    return sums


def counted(lines: Sequence[Line]) -> dict[tuple[str, ...], Counter[str]]:
    names = ("generations", "completed", "failed", "running", "units")
    tallies = {line.values: line.tally for line in lines}
    return {
        values: Counter(dict(zip(names, (t.generations, t.completed, t.failed, t.running, t.units), strict=True)))
        for values, t in tallies.items()
    }


BY: tuple[tuple[Dimension, ...], ...] = (
    ("day",),
    ("month",),
    ("project",),
    ("user",),
    ("month", "project"),
    ("project", "user", "day"),
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


async def test_usage_is_a_covered_query_with_a_bounded_result(
    lived: list[Generation], store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = store.database
    plan = await database.command(
        "explain",
        {
            "aggregate": "generations",
            "pipeline": _pipeline(UsageQuery("dev-1", FIRST, LAST, ("project",))),
            "cursor": {},
        },
        verbosity="executionStats",
    )
    assert '"totalDocsExamined": 0' in json.dumps(plan, default=str)
    monkeypatch.setattr("store.quota.usage.MOST_LINES", 2)
    with pytest.raises(TooManyLinesError):
        await store.usage.lines(UsageQuery("dev-1", FIRST, LAST, ("day",)))
