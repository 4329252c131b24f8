import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from store.generations.blobs import Blob, BlobStore

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


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
