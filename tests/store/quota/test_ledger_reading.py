"""Requests read a bounded part of a ledger, however many corrections it has."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bson import encode
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from store.mongo.connection import Document
from store.quota.ledger import Account, Bounds, Correction
from store.quota.mongo_ledger import MongoLedger

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOVEMBER = "2026-11"
WIDE = Bounds(monthly=None, concurrent=None)


class Replies(CommandListener):
    """Measure what the server sends."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def started(self, event: CommandStartedEvent) -> None: ...

    def succeeded(self, event: CommandSucceededEvent) -> None:
        self.sizes.append(len(encode(event.reply)))

    def failed(self, event: CommandFailedEvent) -> None: ...


@pytest.fixture
def replies() -> Replies:
    return Replies()


@pytest.fixture
def ledger(mongodb_url: str, replies: Replies) -> Iterator[MongoLedger]:
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(mongodb_url, tz_aware=True, event_listeners=[replies])
    yield MongoLedger(client.get_default_database("exemplar"))
    client.close()


async def test_requests_do_not_read_old_corrections(ledger: MongoLedger, replies: Replies) -> None:
    long = "x" * 20_000
    await ledger.hold("d", "g1", period=NOVEMBER, bounds=WIDE, now=NOON)
    held = await ledger.account("d")
    assert await ledger.correct("d", Correction("c1", NOON, long, ()), seen=held)
    replies.sizes.clear()

    assert await ledger.hold("d", "g2", period=NOVEMBER, bounds=WIDE, now=NOON)
    account = await ledger.account("d")
    assert await ledger.old_slots(NOON + timedelta(seconds=1)) == [("d", slot) for slot in account.slots]
    assert [name async for name in ledger.names()] == ["d"]
    assert await ledger.correct("d", Correction("c2", NOON, "by", ((NOVEMBER, 1),)), seen=account)
    assert not await ledger.correct("d", Correction("c3", NOON, "by", ()), seen=Account())

    assert len(replies.sizes) >= 6
    assert max(replies.sizes) < 2_000
    assert [kept.id for kept in await ledger.corrections("d")] == ["c1", "c2"]


async def test_concurrent_reads_of_recorded_holds_are_one_request(ledger: MongoLedger, replies: Replies) -> None:
    for developer, generation in (("d1", "g1"), ("d1", "g2"), ("d2", "g3")):
        assert await ledger.hold(developer, generation, period=NOVEMBER, bounds=WIDE, now=NOON)
    await ledger.account("d1", durable=True)
    asked = [("d1", "g1"), ("d2", "g3"), ("d1", "gone"), ("d2", "g1"), ("d3", "g1")]
    replies.sizes.clear()
    found = await asyncio.gather(*(ledger.account(one, only=[name], durable=True) for one, name in asked))
    assert [[slot.generation for slot in account.slots] for account in found] == [["g1"], ["g3"], [], [], []]
    assert [account.running for account in found] == [2, 1, 2, 1, 0]
    assert len(replies.sizes) == 1
