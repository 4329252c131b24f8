"""Recounts of the log name the streams that they cannot read, and compare everybody else."""

import pytest

from domain.generation.generation import stream_of
from store.commits.unreadable import UnreadableCommit
from store.mongo.connection import Document
from store.quota.ledger import Bounds
from store.quota.recount import Recount, RecountReport
from store.quota.usage_recount import recount_usage
from tests.builders.clock import Clock
from tests.builders.damage import DAMAGE, Damage
from tests.store.quota.conftest import QuotaHarness
from tests.store.quota.test_recount import at_once
from tests.store.quota.test_usage import count_log, sums
from tests.stores import OpenStore
from tests.systems.databases import Once

WIDE = Bounds(monthly=None, concurrent=None)


@pytest.fixture
async def lived(harness: QuotaHarness, store: OpenStore, clock: Clock, once: Once, limits_url: str) -> QuotaHarness:
    """Two generations of each of two developers, one running and one completed, sealed and counted."""
    if not once.copied(limits_url):
        for developer in ("dev-1", "dev-2"):
            for name, end in (("runs", "running"), ("done", "completed")):
                await harness.admit(f"{developer}-{name}", WIDE, developer=developer)
                await harness.live(f"{developer}-{name}", end)
            await harness.settle(f"{developer}-done")
        await count_log(store)
        once.keep(limits_url)
    clock.forward(hours=1)
    return harness


async def recount(
    harness: QuotaHarness, *, repair_as: str | None = None
) -> tuple[RecountReport, list[UnreadableCommit]]:
    unreadable = list[UnreadableCommit]()
    recount = Recount(
        harness.events,
        harness.ledger,
        harness.admitted,
        clock=harness.clock,
        pause=at_once,
        on_unreadable=unreadable.append,
    )
    return await recount.run(repair_as=repair_as), unreadable


async def nobody(_: object, __: object) -> list[str]:
    return []


# A lost end of a stream looks like a stream that has not moved on: an audit finds it.
@pytest.mark.parametrize(
    ("which", "damage"),
    [
        pytest.param(which, damage, id=f"{which}, {name}")
        for which in ("runs", "done")
        for name, damage in DAMAGE.items()
        if (which, name) != ("runs", "no second commit")
    ],
)
async def test_the_ledgers_of_others_are_compared_and_corrected(
    lived: QuotaHarness, store: OpenStore, damage: Damage, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lived, "admitted", nobody)  # it reads every stream
    broken = f"dev-1-{which}"
    await damage.do(store.database, broken)
    for developer in ("dev-1", "dev-2"):
        await store.database["ledger"].update_one({"_id": developer}, {"$inc": {"used.2026-11": 1}})
    before = await lived.ledger.account("dev-1")

    report, unreadable = await recount(lived, repair_as="operator:test")

    assert [(one.stream, one.version) for one in unreadable] == [(stream_of(broken), damage.version)]
    known = damage.update is not None or damage.version > 1 or which == "runs"
    assert ("dev-1" not in {one.developer for one in report.differences}) is known
    assert [one.subject for one in report.differences if one.developer == "dev-2"] == ["2026-11"]
    assert (await lived.ledger.account("dev-2")).used_in("2026-11") == 2
    if known:
        assert await lived.ledger.account("dev-1") == before


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
async def test_the_sums_of_others_are_compared_and_repaired(
    lived: QuotaHarness, store: OpenStore, damage: Damage
) -> None:
    before = await sums(store)
    await damage.do(store.database, "dev-1-done")
    await store.database["usage"].update_many({}, {"$inc": {"completed": 1}})
    unreadable = list[UnreadableCommit]()

    wrong = await recount_usage(
        store.sealed_log, store.subscriptions, store.parking, store.usage_sums, on_unreadable=unreadable.append
    )

    assert [name.partition("/")[0] for name in wrong] == (["dev-2"] if unreadable else ["dev-1", "dev-2"])
    counted = {one["developer"]: _completed(one) for one in await sums(store)}
    was = {one["developer"]: _completed(one) for one in before}
    assert counted["dev-2"] == was["dev-2"]
    assert {one.stream for one in unreadable} <= {stream_of("dev-1-done")}


def _completed(usage_sum: Document) -> int:
    return int(usage_sum["completed"])
