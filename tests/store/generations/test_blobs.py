import hashlib
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from pymongo.read_concern import ReadConcern
from structlog.testing import capture_logs

from store.errors import DamagedBlobError
from store.generations.blobs import PIECE, Blob, BlobStore
from store.generations.memory_blobs import MemoryBlobs
from store.generations.mongo_blobs import MongoBlobs
from store.mongo.connection import Database

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["memory", "motor", "pymongo", "s3"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def blobs(kind: str, request: pytest.FixtureRequest) -> BlobStore:
    """Every adapter keeps the contract, that for S3 on a real HTTP server."""
    if kind == "s3":
        chosen: BlobStore = request.getfixturevalue("s3_blobs")
    else:
        chosen = request.getfixturevalue("choose")(MemoryBlobs, MongoBlobs)
    return chosen


def blob(digest: str = "d1", data: bytes = b"\x89PNG\x00", generation: str = "g1", token: str = "t1") -> Blob:  # noqa: S107 - a name
    sha256 = hashlib.sha256(data).hexdigest()
    return Blob(generation, digest, token, "example", "image/png", data, sha256, NOON)


async def test_pictures_are_read_back_byte_for_byte(blobs: BlobStore) -> None:
    first, second = blob("d1"), blob("d2", bytes(range(256)))
    await blobs.put(first, second)
    assert await blobs.get("g1", "d1") == first
    assert await blobs.get("g1", "d2") == second
    assert await blobs.get("g1", "d3") is None
    assert await blobs.get("g2", "d1") is None


async def test_several_pictures_are_read_at_once_in_the_order_asked_for(blobs: BlobStore) -> None:
    large, small = blob("d1", bytes(range(256)) * 5000), blob("d2")
    await blobs.put(large, small, blob("d1", generation="g2"))
    assert await blobs.get_all("g1", ["d2", "d3", "d1", "d2"]) == [small, None, large, small]
    assert await blobs.get_all("g1", []) == []


async def test_five_pictures_of_ten_megabytes_are_stored_together(blobs: BlobStore) -> None:
    five = [blob(f"d{n}", bytes([n]) * 10 * 1024 * 1024) for n in range(5)]
    await blobs.put(*five)
    assert await blobs.hashes("g1") == {one.digest: one.sha256 for one in five}
    assert await blobs.get("g1", "d4") == five[4]


async def test_a_second_put_changes_nothing_and_does_not_stop_the_others(blobs: BlobStore) -> None:
    await blobs.put(blob("d1"))
    await blobs.put(replace(blob("d1"), data=b"other"), blob("d2"))
    assert await blobs.get("g1", "d1") == blob("d1")
    assert await blobs.get("g1", "d2") == blob("d2")


async def test_putting_nothing_does_nothing(blobs: BlobStore) -> None:
    await blobs.put()
    assert await blobs.hashes("g1") == {}


async def test_nothing_is_shared_between_generations(blobs: BlobStore) -> None:
    await blobs.put(blob(generation="g1"), blob(generation="g2"))
    await blobs.erase("g1")
    assert await blobs.get("g1", "d1") is None
    assert await blobs.get("g2", "d1") is not None


async def test_erasing_one_token_leaves_the_pictures_of_the_others(blobs: BlobStore) -> None:
    await blobs.put(blob("d1", token="t1"), blob("d2", token="t2"))
    for _ in range(2):
        await blobs.erase("g1", token="t1")
    assert set(await blobs.hashes("g1")) == {"d2"}


async def test_erasing_one_kind_leaves_the_pictures_of_the_others(blobs: BlobStore) -> None:
    await blobs.put(blob("d1"), replace(blob("d2"), kind="result"), replace(blob("d2", generation="g2"), kind="result"))
    for _ in range(2):
        await blobs.erase("g1", kind="result")
    assert set(await blobs.hashes("g1")) == {"d1"}
    assert set(await blobs.hashes("g2")) == {"d2"}


async def test_pictures_of_a_kind_expire_by_age(blobs: BlobStore) -> None:
    old = NOON - timedelta(days=31)
    await blobs.put(
        blob("new"),
        replace(blob("old"), created_at=old),
        replace(blob("kept"), kind="result", created_at=old),
    )
    assert await blobs.expire("example", NOON - timedelta(days=30)) == 1
    assert set(await blobs.hashes("g1")) == {"new", "kept"}


def large(size: int = 3 * PIECE + 7) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", [PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 7])
async def test_parts_of_any_size_are_read_without_the_rest(blobs: BlobStore, size: int) -> None:
    data = large(size)
    await blobs.put(blob("d1", data), blob("d2"))
    for start, stop in [(0, 1), (0, size), (size - 1, size), (PIECE - 1, min(PIECE + 1, size)), (5, size - 5)]:
        part = await blobs.part("g1", "d1", start, stop)
        assert part is not None
        assert b"".join(part.pieces) == data[start:stop]
        assert part.sha256 == hashlib.sha256(data).hexdigest()
    assert await blobs.part("g1", "d3", 0, 1) is None
    assert await blobs.get("g1", "d1") == blob("d1", data)


async def test_a_picture_of_several_pieces_is_erased_and_expires_whole(blobs: BlobStore) -> None:
    await blobs.put(blob("d1", large()), blob("d1", large(), generation="g2"))
    await blobs.erase("g1", token="t1")
    assert await blobs.get("g1", "d1") is None
    assert await blobs.part("g1", "d1", PIECE, PIECE + 1) is None
    await blobs.put(blob("d1", large()))
    assert await blobs.expire("example", NOON + timedelta(seconds=1))
    assert await blobs.get("g2", "d1") is None


@pytest.mark.parametrize("size", [100, 3 * PIECE])
async def test_an_altered_picture_is_reported_damaged(database: Database, size: int) -> None:
    blobs, collection = MongoBlobs(database), database.get_collection("blobs", read_concern=ReadConcern("local"))
    await blobs.put(blob("d1", large(size)))
    holder = await collection.find_one({"data": {"$exists": True}}, sort=[("_id", -1)])
    assert holder is not None
    await collection.update_one({"_id": holder["_id"]}, {"$set": {"data": holder["data"][:-1] + b"?"}})
    with capture_logs() as logs, pytest.raises(DamagedBlobError):
        await blobs.get("g1", "d1")
    assert [(line["event"], line["log_level"]) for line in logs] == [("picture_damaged", "critical")]
    with pytest.raises(DamagedBlobError):
        await blobs.part("g1", "d1", size - 2, size - 1)


async def test_a_put_that_was_interrupted_is_completed_by_the_next(database: Database) -> None:
    blobs, collection = MongoBlobs(database), database["blobs"]
    await blobs.put(blob("d1", large()))
    await collection.delete_many({"_id": {"$in": ["g1/d1", "g1/d1/0002"]}})
    assert await blobs.get("g1", "d1") is None
    await blobs.put(blob("d1", large()))
    assert await blobs.get("g1", "d1") == blob("d1", large())
