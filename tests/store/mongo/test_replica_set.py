"""Three members: what the killed primary alone had acknowledged is written again for the next one's commit."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace

import pytest
from pymongo.read_concern import ReadConcern

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from store.objects.s3_objects import S3Objects
from store.quota.ledger import Bounds
from tests.store.conftest import make_s3_blobs
from tests.store.mongo.first_writes import BLOB, NOW, all_are_kept, begin, write_all
from tests.stores import OpenStore, open_store
from tests.systems.replica_set import ReplicaSet, direct
from tests.systems.servers import database_url
from tests.systems.waiting import until

ELECTION_MS = 1000
BOUNDS = Bounds(monthly=10, concurrent=2)


@pytest.fixture(scope="module")
def replica_set(mongod_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    home = tmp_path_factory.mktemp("replica-set")
    ports = Ports(home / "ports.json")
    members = [MemberWithFailPoints(home / str(n), ports.of(f"mongod-{n}"), os.environ) for n in range(3)]
    replica_set = ReplicaSet(members, election_ms=ELECTION_MS)
    replica_set.launch()
    try:
        replica_set.wait_ready()
        yield replica_set
    finally:
        replica_set.stop()


class MemberWithFailPoints(Mongod):
    """A mongod whose replication can be halted."""

    def _arguments(self) -> tuple[str, ...]:
        return (*super()._arguments(), "--setParameter", "enableTestCommands=1")


def replicate(members: Iterable[Mongod], *, halted: bool) -> None:
    for member in members:
        with direct(member) as client:
            mode = "alwaysOn" if halted else "off"
            client.admin.command("configureFailPoint", "stopReplProducer", mode=mode)


@pytest.fixture
async def store(replica_set: ReplicaSet) -> AsyncIterator[OpenStore]:
    async with open_store(database_url(replica_set.url, "exemplar"), prepared=True) as store:
        yield store


async def test_what_died_with_the_primary_is_written_again_with_the_commit(
    replica_set: ReplicaSet, store: OpenStore
) -> None:
    primary = replica_set.primary()
    others = [member for member in replica_set.members if member is not primary]
    replicate(others, halted=True)
    await write_all(store)
    replica_set.kill(primary)
    replicate(others, halted=False)
    await until(replica_set.has_primary, "another primary is elected")
    assert not await all_are_kept(store)
    await begin(store)
    assert await all_are_kept(store)
    primary.launch()
    await replica_set.whole()
    replica_set.step_down()
    assert await all_are_kept(store)


async def test_a_hold_that_the_primary_alone_has_is_not_recorded_as_held(
    replica_set: ReplicaSet, store: OpenStore
) -> None:
    others = [member for member in replica_set.members if member is not replica_set.primary()]
    replicate(others, halted=True)
    try:
        slot = await store.ledger.hold("dev-1", "g1", period="2026-11", bounds=BOUNDS, now=NOW)
        seen = await store.ledger.account("dev-1", only=["g1"])
        recorded = await store.ledger.account("dev-1", only=["g1"], durable=True)
    finally:
        replicate(others, halted=False)
    assert slot is not None
    assert (seen.holds("g1"), recorded.holds("g1")) == (True, False)
    again = await store.ledger.hold("dev-1", "g1", period="2026-11", bounds=BOUNDS, now=NOW, durable=True)
    held = await store.ledger.account("dev-1", only=["g1"], durable=True)
    assert again is not None
    assert (held.slot_of("g1"), held.used_in("2026-11")) == (slot, 1)


async def test_the_head_of_a_picture_in_a_bucket_waits_for_a_majority(
    replica_set: ReplicaSet, store: OpenStore, objects: S3Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a sweep through the next primary could delete the object that it names (docs/adr/0079)."""
    others = [member for member in replica_set.members if member is not replica_set.primary()]
    blobs, put = make_s3_blobs(store.database, objects), objects.put
    heads = store.database.get_collection("blobs", read_concern=ReadConcern("local"))

    async def put_then_halt(name: str, data: bytes, content_type: str) -> None:
        await put(name, data, content_type)
        await asyncio.to_thread(replicate, others, halted=True)

    async def is_named() -> bool:
        return await heads.find_one({"generation": "in a bucket"}) is not None

    monkeypatch.setattr(objects, "put", put_then_halt)
    putting = asyncio.create_task(blobs.put(replace(BLOB, generation="in a bucket")))
    try:
        await until(is_named, "the primary has the head")
        await asyncio.wait({putting}, timeout=0.3)
        assert not putting.done()
    finally:
        await asyncio.to_thread(replicate, others, halted=False)
    await putting
