"""Holds of one moment share commands; what befalls one of them does not befall the others."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from store.errors import DamagedLedgerError
from store.mongo.connection import Database, Document
from store.quota.ledger import Bounds, Slot
from store.quota.mongo_ledger import MongoLedger

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOVEMBER = "2026-11"
CLOUD = Bounds(monthly=10, concurrent=3)
FULL = Bounds(monthly=10, concurrent=0)


class Updates(CommandListener):
    """Count the statements of each update."""

    def __init__(self) -> None:
        self.statements = list[int]()

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name == "update":
            self.statements.append(len(event.command["updates"]))

    def succeeded(self, event: CommandSucceededEvent) -> None: ...

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def updates() -> Updates:
    return Updates()


@pytest.fixture
def database(mongodb_url: str, updates: Updates) -> Iterator[Database]:
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongodb_url, tz_aware=True, event_listeners=[updates])
    yield client.get_default_database("exemplar")
    client.close()


@pytest.fixture
def ledger(database: Database) -> MongoLedger:
    return MongoLedger(database)


async def hold(ledger: MongoLedger, developer: str, generation: str = "g", bounds: Bounds = CLOUD) -> Slot | None:
    return await ledger.hold(developer, generation, period=NOVEMBER, bounds=bounds, now=NOON)


async def counts(ledger: MongoLedger, developers: Sequence[str]) -> list[tuple[int, int, int]]:
    """Return slots, those counted, and units of each developer."""
    accounts = [await ledger.account(developer) for developer in developers]
    return [(len(one.slots), one.running, one.used_in(NOVEMBER)) for one in accounts]


async def test_holds_of_one_moment_are_one_command(ledger: MongoLedger, updates: Updates) -> None:
    developers = [f"d{number}" for number in range(12)]
    assert all(await asyncio.gather(*(hold(ledger, developer) for developer in developers)))
    assert updates.statements == [36]
    assert await counts(ledger, developers) == [(1, 1, 1)] * 12


async def test_a_refused_hold_refuses_no_other(ledger: MongoLedger) -> None:
    bounds = [FULL if number % 3 == 1 else CLOUD for number in range(9)]
    slots = await asyncio.gather(*(hold(ledger, f"d{number}", bounds=one) for number, one in enumerate(bounds)))
    assert [slot is not None for slot in slots] == [one is CLOUD for one in bounds]
    wanted = [(1, 1, 1) if one is CLOUD else (0, 0, 0) for one in bounds]
    assert await counts(ledger, [f"d{number}" for number in range(9)]) == wanted


async def test_holds_of_one_developer_stop_at_the_limit(ledger: MongoLedger) -> None:
    slots = await asyncio.gather(*(hold(ledger, "d", f"g{number}") for number in range(40)))
    assert sum(slot is not None for slot in slots) == 3
    assert await counts(ledger, ["d"]) == [(3, 3, 3)]


async def test_a_generation_that_is_held_twice_at_once_counts_once(ledger: MongoLedger) -> None:
    slots = await asyncio.gather(*(hold(ledger, developer) for developer in ["d1", "d2", "d1", "d3", "d1"]))
    assert slots[0] is not None
    assert [slot and slot.hold for slot in slots[::2]] == [slots[0].hold] * 3
    assert await counts(ledger, ["d1", "d2", "d3"]) == [(1, 1, 1)] * 3


async def test_a_damaged_ledger_damages_no_other_hold(ledger: MongoLedger, database: Database) -> None:
    await database.get_collection("ledger").insert_one({"_id": "damaged", "held": "many"})
    developers = ["d1", "damaged", "d2"]
    found = await asyncio.gather(*(hold(ledger, developer) for developer in developers), return_exceptions=True)
    assert [type(one) for one in found] == [Slot, DamagedLedgerError, Slot]
    assert await counts(ledger, ["d1", "d2"]) == [(1, 1, 1)] * 2


async def test_a_locked_ledger_delays_the_holds_of_others_by_a_second(ledger: MongoLedger, database: Database) -> None:
    assert await hold(ledger, "locked", "g1")
    async with await database.client.start_session() as session:
        session.start_transaction()
        await database.get_collection("ledger").update_one({"_id": "locked"}, {"$set": {"by": 1}}, session=session)
        locked = asyncio.create_task(hold(ledger, "locked", "g2"))
        developers = [f"d{number}" for number in range(5)]
        async with asyncio.timeout(10):
            assert all(await asyncio.gather(*(hold(ledger, developer) for developer in developers)))
        assert not locked.done()
        await session.abort_transaction()
    assert await locked
    assert await counts(ledger, [*developers, "locked"]) == [(1, 1, 1)] * 5 + [(2, 2, 2)]
