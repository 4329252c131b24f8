"""A ledger damaged by hand costs its own developer his submissions, and nobody else anything."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from store.errors import DamagedLedgerError
from store.mongo.store import MongoStore
from store.quota.comparison import Difference
from store.quota.ledger import Account, Bounds, Correction
from store.quota.recount import Recount
from tests.clock import Clock
from tests.store.quota.conftest import FREE, Lifecycle
from tests.store.quota.test_recount import NOVEMBER, WIDE, check, mend
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, make_tenant

WHOLE = {"generation": "g1", "period": NOVEMBER, "since": datetime(2026, 11, 20, tzinfo=UTC)}
DAMAGES: dict[str, dict[str, Any]] = {
    "no slots": {"slots": None},
    "slots are a text": {"slots": "x"},
    "slots are one slot": {"slots": WHOLE},
    "a slot is a text": {"slots": ["g1"]},
    "a slot is nothing": {"slots": [WHOLE, None]},
    "a slot has no month": {"slots": [{"generation": "g1", "since": WHOLE["since"]}]},
    "a slot has no age": {"slots": [WHOLE | {"since": None}]},
    "used is a text": {"used": "x"},
    "used is a number": {"used": 2.5},
    "used is nothing": {"used": None},
    "a month is a text": {"used": {NOVEMBER: "7"}},
    "a month is a fraction": {"used": {NOVEMBER: 7.5}},
    "a month is true": {"used": {NOVEMBER: True}},
    "another month is a text": {"used": {"2026-10": "7"}},
}
every_damage = pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)


def ledgers(store: MongoStore) -> Any:
    return store.client.get_default_database().get_collection("ledger")


async def damaged(store: MongoStore, damage: dict[str, Any], developer: str = "dev-1") -> dict[str, Any]:
    """Damage a ledger; return its document as it is then."""
    await ledgers(store).update_one({"_id": developer}, {"$set": damage}, upsert=True)
    document: dict[str, Any] = await ledgers(store).find_one({"_id": developer})
    return document


@every_damage
@pytest.mark.parametrize("bounds", [FREE, WIDE], ids=str)
async def test_a_damaged_ledger_is_refused_and_left_as_it_is(
    store: MongoStore, lifecycle: Lifecycle, clock: Clock, damage: dict[str, Any], bounds: Bounds
) -> None:
    await lifecycle.admit("g1")
    kept = await damaged(store, damage)
    with pytest.raises(DamagedLedgerError):
        await store.ledger.account("dev-1")
    for name in ("g1", "g2"):
        with pytest.raises(DamagedLedgerError):
            await store.ledger.hold("dev-1", name, period=NOVEMBER, bounds=bounds, now=clock())
    assert await ledgers(store).find_one({"_id": "dev-1"}) == kept


@pytest.mark.parametrize("settlement", ["spent", "released"])
@pytest.mark.parametrize("damage", [{"used": "x"}, {"slots": [WHOLE, None]}], ids=str)
async def test_nothing_is_settled_in_a_damaged_ledger(
    store: MongoStore, lifecycle: Lifecycle, settlement: Any, damage: dict[str, Any]
) -> None:
    await lifecycle.admit("g1")
    kept = await damaged(store, damage)
    with pytest.raises(DamagedLedgerError):
        await store.ledger.settle("dev-1", "g1", settlement)
    assert await ledgers(store).find_one({"_id": "dev-1"}) == kept


@every_damage
async def test_the_sweep_frees_the_holds_of_all_others(
    store: MongoStore, lifecycle: Lifecycle, clock: Clock, damage: dict[str, Any]
) -> None:
    for developer in ("dev-0", "dev-1", "dev-2"):
        await lifecycle.admission.hold(developer, f"leaked-{developer}", period=NOVEMBER, bounds=FREE)
    await damaged(store, damage)
    clock.forward(minutes=3)
    assert await lifecycle.admission.sweep(older_than=clock() - timedelta(minutes=2)) == 2
    for developer in ("dev-0", "dev-2"):
        assert (await store.ledger.account(developer)).slots == ()


async def test_a_stream_that_cannot_be_read_holds_up_no_other_hold(
    store: MongoStore, lifecycle: Lifecycle, clock: Clock
) -> None:
    for name in ("g1", "g2", "g3"):
        await lifecycle.admission.hold("dev-1", name, period=NOVEMBER, bounds=WIDE)
        await lifecycle.admission.hold("dev-2", f"other-{name}", period=NOVEMBER, bounds=WIDE)
    commits = store.client.get_default_database().get_collection("commits")
    await commits.insert_one({"_id": "generation-g1:1", "stream": "generation-g1", "version": 1})
    clock.forward(minutes=3)
    assert await lifecycle.admission.sweep(older_than=clock() - timedelta(minutes=2)) == 5
    assert [slot.generation for slot in (await store.ledger.account("dev-1")).slots] == ["g1"]


@every_damage
async def test_a_damaged_ledger_is_told_by_the_check_and_written_anew_from_the_log(
    store: MongoStore, lifecycle: Lifecycle, clock: Clock, damage: dict[str, Any]
) -> None:
    for name, end in (("done", "completed"), ("over", "failed"), ("runs", "running")):
        await lifecycle.admit(name, WIDE)
        await lifecycle.run_to(name, end)
    await lifecycle.admit("others", FREE, developer="dev-2")
    earlier = Correction("earlier", clock(), "operator:test", ())
    assert await store.ledger.correct("dev-1", earlier, seen=await store.ledger.account("dev-1"))
    await damaged(store, damage)

    assert Difference("dev-1", "damaged", "ledger", 1, 0) in (await check(lifecycle)).differences
    report = await mend(lifecycle)

    assert {found.developer for found in report.differences} == {"dev-1"}
    assert (await check(lifecycle)).differences == ()
    account = await store.ledger.account("dev-1")
    assert ([slot.generation for slot in account.slots], account.used) == (["runs"], ((NOVEMBER, 2),))
    assert [kept.id for kept in await store.ledger.corrections("dev-1")] == ["earlier", *report.corrections]


async def test_a_ledger_that_was_never_used_and_is_damaged_is_mended_too(
    store: MongoStore, lifecycle: Lifecycle
) -> None:
    await damaged(store, {"slots": None, "corrections": "x"})
    assert (await mend(lifecycle)).differences == (Difference("dev-1", "damaged", "ledger", 1, 0),)
    assert await store.ledger.account("dev-1") == Account()
    assert len(await store.ledger.corrections("dev-1")) == 1


async def test_a_ledger_that_is_sound_by_now_is_not_written_anew(
    store: MongoStore, lifecycle: Lifecycle
) -> None:
    await lifecycle.admit("g1")
    anew = Correction("anew", lifecycle.clock(), "operator:test", ())
    assert not await store.ledger.correct("dev-1", anew, seen=None)
    assert not await store.ledger.correct("nobody", anew, seen=None)
    assert (await store.ledger.account("dev-1")).holds("g1")
    assert await store.ledger.corrections("dev-1") == []


@pytest.fixture(scope="module")
def system(mongod: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("damaged"), mongod) as system:
        system.base_url = system.start_gateway("first")
        yield system


async def test_a_developer_with_a_damaged_ledger_is_answered_and_gets_503_where_it_is_needed(
    system: System, system_store: MongoStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    await tenant.accepted()
    for damage in ({"slots": None}, {"used": "x"}):
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
