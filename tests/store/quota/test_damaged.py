"""A damaged ledger refuses the submissions of its developer and affects no other developer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from store.errors import DamagedLedgerError
from store.quota.comparison import Difference
from store.quota.ledger import Account, Bounds, Correction
from store.quota.recount import Recount
from tests.builders.clock import Clock
from tests.store.quota.conftest import FREE, QuotaHarness
from tests.store.quota.test_recount import NOVEMBER, WIDE, check, repair
from tests.stores import OpenStore
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, make_tenant

DAMAGED_COUNTERS: dict[str, dict[str, Any]] = {
    "held is a text": {"held": "x"},
    "held is nothing": {"held": None},
    "a count is a text": {"held": {NOVEMBER: "1"}},
    "used is a text": {"used": "x"},
    "used is a number": {"used": 2.5},
    "used is nothing": {"used": None},
    "a month is a text": {"used": {NOVEMBER: "7"}},
    "a month is a fraction": {"used": {NOVEMBER: 7.5}},
    "a month is true": {"used": {NOVEMBER: True}},
    "another month is a text": {"used": {"2026-10": "7"}},
}
DAMAGED_SLOTS: dict[str, dict[str, Any]] = {
    "a slot has no generation": {"generation": None},
    "a slot has no month": {"period": None},
    "a slot has no age": {"since": None},
    "a slot's age is a text": {"since": "2026-11-20"},
}
DAMAGES = {
    name: (developer_or_slot, damage)
    for developer_or_slot, damages in (("", DAMAGED_COUNTERS), ("/g1", DAMAGED_SLOTS))
    for name, damage in damages.items()
}
every_damage = pytest.mark.parametrize(("document", "damage"), DAMAGES.values(), ids=DAMAGES)
every_damage_of_counters = pytest.mark.parametrize("damage", DAMAGED_COUNTERS.values(), ids=DAMAGED_COUNTERS)


def ledgers(store: OpenStore) -> Any:
    return store.database.get_collection("ledger")


async def damaged(store: OpenStore, damage: dict[str, Any], name: str = "dev-1") -> list[dict[str, Any]]:
    """Damage a document of the ledger; return all documents as they are then."""
    await ledgers(store).update_one({"_id": name}, {"$set": damage}, upsert=True)
    return await documents(store)


async def documents(store: OpenStore) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = await ledgers(store).find({}).sort("_id", 1).to_list(None)
    return found


@every_damage_of_counters
@pytest.mark.parametrize("bounds", [FREE, WIDE], ids=str)
async def test_damaged_counters_are_refused_and_left_unchanged(
    store: OpenStore, harness: QuotaHarness, clock: Clock, damage: dict[str, Any], bounds: Bounds
) -> None:
    await harness.admit("g1")
    kept = await damaged(store, damage)
    with pytest.raises(DamagedLedgerError):
        await store.ledger.account("dev-1")
    for name in ("g1", "g2"):
        with pytest.raises(DamagedLedgerError):
            await store.ledger.hold("dev-1", name, period=NOVEMBER, bounds=bounds, now=clock())
    assert await documents(store) == kept


@pytest.mark.parametrize("damage", DAMAGED_SLOTS.values(), ids=DAMAGED_SLOTS)
async def test_a_damaged_slot_is_refused_and_left_unchanged(
    store: OpenStore, harness: QuotaHarness, clock: Clock, damage: dict[str, Any]
) -> None:
    await harness.admit("g1")
    kept = await damaged(store, damage, "dev-1/g1")
    for refused in (
        store.ledger.account("dev-1"),
        store.ledger.hold("dev-1", "g1", period=NOVEMBER, bounds=FREE, now=clock()),
        store.ledger.settle("dev-1", "g1", "spent"),
        harness.admission.require_free_slot("dev-1", FREE),
    ):
        with pytest.raises(DamagedLedgerError):
            await refused
    assert await documents(store) == kept


@pytest.mark.parametrize("settlement", ["spent", "released"])
@every_damage_of_counters
async def test_nothing_is_settled_in_a_damaged_ledger(
    store: OpenStore, harness: QuotaHarness, settlement: Any, damage: dict[str, Any]
) -> None:
    await harness.admit("g1")
    kept = await damaged(store, damage)
    with pytest.raises(DamagedLedgerError):
        await store.ledger.settle("dev-1", "g1", settlement)
    assert await documents(store) == kept


@every_damage_of_counters
async def test_a_settlement_that_the_log_names_leaves_damaged_counters_as_they_are(
    store: OpenStore, harness: QuotaHarness, damage: dict[str, Any]
) -> None:
    await harness.admit("g1")
    [slot] = (await store.ledger.account("dev-1")).slots
    await damaged(store, damage)
    counters = await store.database["ledger"].find_one({"_id": "dev-1"})
    with pytest.raises(DamagedLedgerError):
        await store.ledger.settle("dev-1", "g1", "spent", hold=slot.hold, period=slot.period)
    assert await store.database["ledger"].find_one({"_id": "dev-1"}) == counters


@every_damage
async def test_a_damaged_ledger_does_not_stop_the_sweep_of_others(
    store: OpenStore, harness: QuotaHarness, clock: Clock, document: str, damage: dict[str, Any]
) -> None:
    for developer in ("dev-0", "dev-1", "dev-2"):
        await harness.admission.hold(developer, "g1", period=NOVEMBER, bounds=FREE)
    await damaged(store, damage, f"dev-1{document}")
    clock.forward(minutes=3)
    assert await harness.admission.sweep(older_than=clock.now - timedelta(minutes=2)) == 2
    for developer in ("dev-0", "dev-2"):
        assert (await store.ledger.account(developer)).slots == ()


async def test_an_unreadable_stream_does_not_stop_the_sweep_of_other_holds(
    store: OpenStore, harness: QuotaHarness, clock: Clock
) -> None:
    for name in ("g1", "g2", "g3"):
        await harness.admission.hold("dev-1", name, period=NOVEMBER, bounds=WIDE)
        await harness.admission.hold("dev-2", f"other-{name}", period=NOVEMBER, bounds=WIDE)
    commits = store.database.get_collection("commits")
    await commits.insert_one({"_id": "generation-g1:1", "stream": "generation-g1", "version": 1})
    clock.forward(minutes=3)
    assert await harness.admission.sweep(older_than=clock.now - timedelta(minutes=2)) == 5
    assert [slot.generation for slot in (await store.ledger.account("dev-1")).slots] == ["g1"]


@every_damage
async def test_a_damaged_ledger_is_reported_and_rebuilt_from_the_log(
    store: OpenStore, harness: QuotaHarness, clock: Clock, document: str, damage: dict[str, Any]
) -> None:
    for name, end in (("done", "completed"), ("g1", "failed"), ("runs", "running")):
        await harness.admit(name, WIDE)
        await harness.live(name, end)
    await harness.admit("others", FREE, developer="dev-2")
    earlier = Correction("earlier", clock(), "operator:test", ())
    assert await store.ledger.correct("dev-1", earlier, seen=await store.ledger.account("dev-1"))
    await damaged(store, damage, f"dev-1{document}")

    assert Difference("dev-1", "damaged", "ledger", 1, 0) in (await check(harness)).differences
    report = await repair(harness)

    assert {found.developer for found in report.differences} == {"dev-1"}
    assert (await check(harness)).differences == ()
    account = await store.ledger.account("dev-1")
    assert ([slot.generation for slot in account.slots], account.used) == (["runs"], ((NOVEMBER, 2),))
    assert [kept.id for kept in await store.ledger.corrections("dev-1")] == ["earlier", *report.corrections]


async def test_a_damaged_ledger_without_generations_is_repaired(store: OpenStore, harness: QuotaHarness) -> None:
    await damaged(store, {"held": None, "corrections": "x"})
    assert (await repair(harness)).differences == (Difference("dev-1", "damaged", "ledger", 1, 0),)
    assert await store.ledger.account("dev-1") == Account()
    assert len(await store.ledger.corrections("dev-1")) == 1


async def test_a_sound_ledger_is_not_rebuilt(store: OpenStore, harness: QuotaHarness) -> None:
    await harness.admit("g1")
    anew = Correction("anew", harness.clock(), "operator:test", ())
    assert not await store.ledger.correct("dev-1", anew, seen=None)
    assert not await store.ledger.correct("nobody", anew, seen=None)
    assert (await store.ledger.account("dev-1")).holds("g1")
    assert await store.ledger.corrections("dev-1") == []


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("damaged"), databases) as system:
        system.base_url = system.start_gateway("first")
        yield system


async def test_a_damaged_ledger_refuses_submissions_with_503_and_nothing_else(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    await tenant.accepted()
    for damage in ({"held": None}, {"used": "x"}):
        await damaged(system_store, damage, tenant.developer)
        answers = [await tenant.get(ONE), await tenant.get(f"{ONE}/unknown")]
        assert [answer.status for answer in answers] == [200, 404]
        refused = await tenant.submit()
        assert (refused.status, refused.body["code"]) == (503, "store_unavailable")
        assert int(refused.headers["Retry-After"]) > 0

    recount = Recount(
        system_store.events, system_store.ledger, system_store.usage.admitted, clock=lambda: datetime.now(UTC)
    )
    await recount.run(repair_as="operator:test")
    assert "RateLimit" in (await tenant.get(ONE)).headers
