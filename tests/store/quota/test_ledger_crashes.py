"""A crash between the count of a slot and the slot: no limit is exceeded, and the count comes back."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.read_concern import ReadConcern

from store.errors import StoreUnavailableError
from store.mongo.connection import Database
from store.quota import ledger_document
from store.quota.comparison import Difference
from store.quota.ledger import Account, Bounds, Ledger, Settlement, Slot
from store.quota.mongo_ledger import MongoLedger
from tests.builders.clock import Clock
from tests.store.lossy_proxy import LossyProxy
from tests.store.quota.conftest import FREE, QuotaHarness
from tests.store.quota.test_recount import check, repair
from tests.stores import OpenStore

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOVEMBER = "2026-11"
CLOUD = Bounds(monthly=10, concurrent=3)


async def hold(ledger: Ledger, generation: str, bounds: Bounds = FREE) -> Slot | None:
    return await ledger.hold("dev-1", generation, period=NOVEMBER, bounds=bounds, now=NOON)


async def count_without_slot(store: OpenStore, generation: str, bounds: Bounds = FREE) -> None:
    """Leave what a server leaves that is killed after the count of a hold."""
    statements = ledger_document.takes("dev-1", Slot(generation, NOVEMBER, NOON), bounds)
    await store.database["ledger"].bulk_write(statements[:-1])


async def pass_time(store: OpenStore, seconds: float) -> None:
    """Let the counters be that old by the clock of the server."""
    earlier = datetime.now(UTC) - timedelta(seconds=seconds)
    await store.database["ledger"].update_one({"_id": "dev-1"}, {"$set": {"counted_at": earlier}})


async def counts(store: OpenStore) -> tuple[int, int, int]:
    account = await store.ledger.account("dev-1")
    return len(account.slots), account.running, account.used_in(NOVEMBER)


async def test_a_count_without_a_slot_refuses_until_it_is_given_back(store: OpenStore) -> None:
    await count_without_slot(store, "crashed")
    assert await hold(store.ledger, "g1") is None
    await pass_time(store, 59)
    assert await store.ledger.reconcile() == 0, "the hold may be under way"
    await pass_time(store, 61)
    assert await store.ledger.reconcile() == 1
    assert await counts(store) == (0, 0, 0)
    assert await hold(store.ledger, "g1")
    assert await counts(store) == (1, 1, 1)


async def test_the_sweep_gives_back_counts_without_slots(store: OpenStore, harness: QuotaHarness, clock: Clock) -> None:
    for number in range(2):
        await hold(store.ledger, f"g{number}", CLOUD)
    await count_without_slot(store, "crashed", CLOUD)
    await pass_time(store, 61)
    await harness.admission.sweep(older_than=NOON - timedelta(minutes=2))
    assert await counts(store) == (2, 2, 2)


async def test_a_hold_that_crashed_is_repeated(store: OpenStore) -> None:
    await count_without_slot(store, "g1", CLOUD)
    assert await hold(store.ledger, "g1", CLOUD)
    assert await hold(store.ledger, "g1", CLOUD)
    assert await counts(store) == (1, 2, 2)
    await pass_time(store, 61)
    assert await store.ledger.reconcile() == 1
    assert await counts(store) == (1, 1, 1)


async def test_nothing_is_given_back_that_changes_meanwhile(store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await count_without_slot(store, "crashed", CLOUD)
    await pass_time(store, 61)
    read = MongoLedger.account

    async def read_then_hold(self: MongoLedger, developer: str, **named: Any) -> Account:
        account = await read(self, developer, **named)
        await hold(store.ledger, "g1", CLOUD)
        return account

    monkeypatch.setattr(MongoLedger, "account", read_then_hold)
    assert await store.ledger.reconcile() == 0
    monkeypatch.undo()
    assert await counts(store) == (1, 2, 2)


async def test_a_count_without_a_slot_is_reported_and_corrected(store: OpenStore, harness: QuotaHarness) -> None:
    await harness.admit("g1", CLOUD)
    await harness.live("g1", "running")
    await count_without_slot(store, "crashed", CLOUD)
    assert set((await check(harness)).differences) == {
        Difference("dev-1", "slots", NOVEMBER, 2, 1),
        Difference("dev-1", "units", NOVEMBER, 2, 1),
    }
    await repair(harness)
    assert (await check(harness)).differences == ()
    assert await counts(store) == (1, 1, 1)


async def documents(store: OpenStore) -> int:
    """Count what the primary has acknowledged."""
    return await store.database.get_collection("ledger", read_concern=ReadConcern("local")).count_documents({})


@pytest.mark.parametrize("settlement", ["spent", "released"])
async def test_a_settlement_that_ends_before_the_slot_is_deleted_counts_once(
    store: OpenStore, harness: QuotaHarness, clock: Clock, settlement: Settlement
) -> None:
    await hold(store.ledger, "g1")
    account = await store.ledger.account("dev-1")
    statements = ledger_document.frees("dev-1", account.slots[0].name, settlement, None)
    await store.database["ledger"].bulk_write(statements)
    left = (0, 0, settlement == "spent")
    await asyncio.gather(*(store.ledger.settle("dev-1", "g1", "released") for _ in range(5)))
    assert await counts(store) == left
    assert await documents(store) == 2
    await harness.admission.sweep(older_than=NOON + timedelta(minutes=2))
    assert await documents(store) == 1
    assert await counts(store) == left


async def test_a_settlement_that_ends_before_the_count_is_lowered_never_exceeds_a_limit(store: OpenStore) -> None:
    await hold(store.ledger, "g1")
    account = await store.ledger.account("dev-1")
    statements = ledger_document.frees("dev-1", account.slots[0].name, "released", None)
    await store.database["ledger"].bulk_write(statements[:1])
    assert await hold(store.ledger, "g2") is None
    await pass_time(store, 61)
    assert await store.ledger.reconcile() == 0  # the settlement may be under way
    assert await store.ledger.old_slots(NOON + timedelta(minutes=2)) == []
    assert await store.ledger.reconcile() == 1
    assert await counts(store) == (0, 0, 0)


async def test_holds_and_settlements_of_one_developer_meet_in_any_order(store: OpenStore) -> None:
    bounds = Bounds(monthly=1000, concurrent=5)
    admitted = list[str]()

    async def live(number: int) -> None:
        if await hold(store.ledger, f"g{number}", bounds):
            admitted.append(f"g{number}")
            settlement: Settlement = "spent" if number % 2 else "released"
            await asyncio.gather(*(store.ledger.settle("dev-1", f"g{number}", settlement) for _ in range(2)))

    await asyncio.gather(*(live(number) for number in range(50)))
    assert len(admitted) >= 5
    assert await counts(store) == (0, 0, sum(int(name[1:]) % 2 for name in admitted))


@pytest.fixture
async def proxied(proxied_database: Database) -> MongoLedger:
    ledger = MongoLedger(proxied_database)
    await hold(ledger, "warm", CLOUD)
    return ledger


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_hold_with_lost_answers_counts_once(proxy: LossyProxy, proxied: MongoLedger, lost: int) -> None:
    proxy.command, proxy.lose_answers = b"\x02update\x00", lost
    try:
        await hold(proxied, "g1", CLOUD)
    except StoreUnavailableError:
        assert lost == 2
    assert proxy.lose_answers == 0
    assert await hold(proxied, "g1", CLOUD)
    account = await proxied.account("dev-1")
    assert (len(account.slots), account.running, account.used_in(NOVEMBER)) == (2, 2, 2)


@pytest.mark.parametrize("lost", [1, 2])
async def test_a_settlement_with_lost_answers_frees_once(proxy: LossyProxy, proxied: MongoLedger, lost: int) -> None:
    await hold(proxied, "g1", CLOUD)
    proxy.command, proxy.lose_answers = b"\x02update\x00", lost
    for _ in range(2):
        try:
            await proxied.settle("dev-1", "g1", "released")
        except StoreUnavailableError:
            assert lost == 2
    account = await proxied.account("dev-1")
    assert (len(account.slots), account.running, account.used_in(NOVEMBER)) == (1, 1, 1)
