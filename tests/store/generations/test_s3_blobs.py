"""Pictures in a bucket: what is interrupted, lost, altered, or still in MongoDB."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import pytest
from pymongo.read_concern import ReadConcern
from structlog.testing import capture_logs

from domain.generation.generation import stream_of
from store.errors import DamagedBlobError, ObjectStorageUnavailableError
from store.generations.blobs import PIECE
from store.generations.mongo_blobs import MongoBlobs
from store.generations.picture_documents import head_of
from store.generations.s3_blobs import S3Blobs
from store.mongo.connection import Database
from store.objects.s3_objects import S3Objects
from store.objects.uploads import Upload, Uploads
from tests.store.conftest import make_s3_blobs
from tests.store.generations.test_blobs import NOON, blob, large
from tests.systems.object_storage import ObjectStorage

Names = Callable[[], list[str]]
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def names(object_storage: ObjectStorage, bucket: str) -> Names:
    return lambda: object_storage.names(bucket)


def later(database: Database, objects: S3Objects, *, minutes: int) -> S3Blobs:
    """The store as it is some minutes from now."""

    async def safe_now() -> datetime:
        return datetime.now(UTC) + timedelta(minutes=minutes)

    return make_s3_blobs(database, objects, safe_now=safe_now)


async def interrupted(blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch, *, generation: str = "g1") -> None:
    """Write the object of a picture, and end before its head is stored."""

    async def die(*_: object) -> NoReturn:
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "_store_heads", die)
        with pytest.raises(ConnectionAbortedError):
            await blobs.put(blob("d1", generation=generation))


async def test_mongodb_keeps_no_byte_of_a_picture(s3_blobs: S3Blobs, database: Database, names: Names) -> None:
    await s3_blobs.put(blob("d1", large()), blob("d2"))
    heads = await database.get_collection("blobs", read_concern=ReadConcern("local")).find({}).to_list(None)
    assert len(heads) == 2
    assert not any("data" in head for head in heads)
    assert sorted(names()) == sorted(f"e/{head['object']}" for head in heads)


async def test_a_second_put_writes_no_object(s3_blobs: S3Blobs, names: Names) -> None:
    await s3_blobs.put(blob("d1"))
    before = names()
    await s3_blobs.put(blob("d1"), blob("d1"))
    assert names() == before


async def test_an_object_that_no_picture_names_is_swept_after_half_an_hour(
    s3_blobs: S3Blobs, objects: S3Objects, database: Database, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await s3_blobs.put(blob("d2"))
    await interrupted(s3_blobs, monkeypatch)
    assert len(names()) == 2
    assert await s3_blobs.get("g1", "d1") is None
    assert await later(database, objects, minutes=29).sweep() == 0
    assert await later(database, objects, minutes=31).sweep() == 1
    assert len(names()) == 1
    assert await s3_blobs.get("g1", "d2") == blob("d2")
    assert await database["uploads"].count_documents({}) == 0


async def test_erasing_deletes_what_was_written_and_is_named_by_none(
    s3_blobs: S3Blobs, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(s3_blobs, monkeypatch)
    await interrupted(s3_blobs, monkeypatch, generation="g2")
    await s3_blobs.erase("g1", token="t1")
    assert [name.split("/")[1] for name in names()] == ["g2"]


async def test_an_erasure_that_could_not_delete_an_object_says_so_and_is_repeated(
    s3_blobs: S3Blobs, names: Names, monkeypatch: pytest.MonkeyPatch, objects: S3Objects
) -> None:
    await s3_blobs.put(blob("d1"))

    async def refuse(_: object) -> NoReturn:
        raise ObjectStorageUnavailableError("delete_object", "SlowDown")

    with monkeypatch.context() as patch:
        patch.setattr(objects, "delete", refuse)
        with pytest.raises(ObjectStorageUnavailableError):
            await s3_blobs.erase("g1")
    await s3_blobs.erase("g1")
    assert names() == []
    assert await s3_blobs.hashes("g1") == {}


@pytest.mark.parametrize("size", [100, 3 * PIECE])
async def test_an_altered_object_is_reported_damaged(
    s3_blobs: S3Blobs, object_storage: ObjectStorage, bucket: str, names: Names, size: int
) -> None:
    data = large(size)
    await s3_blobs.put(blob("d1", data))
    for other in (data[:-1] + b"?", data[:-90]):
        object_storage.ask("PUT", f"/{bucket}/{names()[0]}", other)
        with capture_logs() as logs, pytest.raises(DamagedBlobError):
            await s3_blobs.get("g1", "d1")
        assert [line["event"] for line in logs] == ["picture_damaged"]
        with pytest.raises(DamagedBlobError):
            await s3_blobs.part("g1", "d1", size - 2, size - 1)


async def test_an_object_that_is_gone_is_a_picture_that_is_gone(
    s3_blobs: S3Blobs, object_storage: ObjectStorage, bucket: str, names: Names
) -> None:
    await s3_blobs.put(blob("d1"))
    object_storage.ask("DELETE", f"/{bucket}/{names()[0]}")
    with capture_logs() as logs:
        assert await s3_blobs.get("g1", "d1") is None
        assert await s3_blobs.part("g1", "d1", 0, 1) is None
    assert {line["event"] for line in logs} == {"picture_object_missing"}


async def test_pictures_in_mongodb_are_read_erased_and_expire_too(
    s3_blobs: S3Blobs, database: Database, names: Names
) -> None:
    old = MongoBlobs(database)
    await old.put(blob("d1", large()), blob("d1", large(), generation="g2"))
    await s3_blobs.put(blob("d1"), blob("d2"))
    assert await s3_blobs.get_all("g1", ["d1", "d2"]) == [blob("d1", large()), blob("d2")]
    assert set(await s3_blobs.hashes("g1")) == {"d1", "d2"}
    assert len(names()) == 1
    await s3_blobs.erase("g1")
    assert (await s3_blobs.hashes("g1"), names()) == ({}, [])
    assert await s3_blobs.expire("example", NOON + timedelta(seconds=1)) > 0
    assert await database["blobs"].count_documents({}) == 0


async def test_a_process_may_go_back_to_mongodb_and_still_read_the_bucket(
    s3_blobs: S3Blobs, objects: S3Objects, database: Database, names: Names
) -> None:
    await s3_blobs.put(blob("d1", large()))
    back = make_s3_blobs(database, objects, blob_store="mongodb")
    await back.put(blob("d2"))
    assert await back.get_all("g1", ["d1", "d2"]) == [blob("d1", large()), blob("d2")]
    assert len(names()) == 1


async def test_without_the_bucket_nothing_in_it_seems_to_be_gone_or_erased(
    s3_blobs: S3Blobs, database: Database, names: Names
) -> None:
    await s3_blobs.put(blob("d1"))
    without = MongoBlobs(database)
    with pytest.raises(ObjectStorageUnavailableError, match="EXEMPLAR_S3_BUCKET"):
        await without.get("g1", "d1")
    with pytest.raises(ObjectStorageUnavailableError, match="EXEMPLAR_S3_BUCKET"):
        await without.erase("g1")
    assert await without.expire("example", NOON + timedelta(seconds=1)) == 0
    assert await s3_blobs.get("g1", "d1") == blob("d1")


@pytest.mark.parametrize("is_over", [True, False])
async def test_a_put_takes_back_a_picture_whose_object_a_sweep_deletes(
    database: Database,
    objects: S3Objects,
    s3_blobs: S3Blobs,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    is_over: bool,
) -> None:
    """The clocks jumped, or the process slept, while an object was written."""
    insert = s3_blobs._store_heads

    async def insert_late(*given: Any) -> None:
        if is_over:
            await later(database, objects, minutes=31).sweep()
        else:
            await Uploads(database).mark_swept(await Uploads(database).before(FAR, limit=9))
        await insert(*given)

    with monkeypatch.context() as patch:
        patch.setattr(s3_blobs, "_store_heads", insert_late)
        with pytest.raises(ObjectStorageUnavailableError):
            await s3_blobs.put(blob("d1"))
    assert await s3_blobs.hashes("g1") == {}
    assert s3_blobs._provisional.pending(stream_of("g1")) == []
    await later(database, objects, minutes=31).sweep()
    assert names() == []
    await s3_blobs.put(blob("d1"))
    assert await s3_blobs.get("g1", "d1") == blob("d1")


async def test_a_sweep_sees_the_picture_that_was_named_before_its_mark(
    database: Database, objects: S3Objects, s3_blobs: S3Blobs, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await interrupted(s3_blobs, monkeypatch)
    sweeping = later(database, objects, minutes=31)
    mark = sweeping._uploads.mark_swept

    async def mark_late(uploads: Sequence[Upload]) -> None:
        await s3_blobs._store_heads([head_of(blob("d1"), in_object=uploads[0].object)])
        await mark(uploads)

    monkeypatch.setattr(sweeping._uploads, "mark_swept", mark_late)
    assert (await sweeping.sweep(), len(names())) == (0, 1)


async def test_what_is_in_mongodb_already_is_written_again_after_an_election(
    database: Database, objects: S3Objects, s3_blobs: S3Blobs
) -> None:
    await s3_blobs.put(blob("d1", large()))
    await MongoBlobs(database).put(blob("d2", large()))
    again = make_s3_blobs(database, objects)
    await again.put(blob("d1", large()), blob("d2", large()))
    writes = again._provisional.pending(stream_of("g1"))
    await database["blobs"].delete_many({"object": None})
    await again._provisional.confirm(stream_of("g1"), writes, term=None)
    assert await s3_blobs.get_all("g1", ["d1", "d2"]) == [blob("d1", large()), blob("d2", large())]


async def late_head(blobs: S3Blobs, sweeping: S3Blobs, monkeypatch: pytest.MonkeyPatch) -> str:
    """Store the head of an object that a sweep deleted, by a process that dies then; return the object's name."""
    store = blobs._store_heads

    async def store_late(heads: Sequence[Any]) -> NoReturn:
        await sweeping.sweep()
        await store(heads)
        raise ConnectionAbortedError

    with monkeypatch.context() as patch:
        patch.setattr(blobs, "_store_heads", store_late)
        with pytest.raises(ConnectionAbortedError):
            await blobs.put(blob("d1"))
    [head] = await blobs._blobs.find({"_id": "g1/d1"}).to_list(1)
    return str(head["object"])


async def test_a_put_does_not_trust_a_head_whose_object_was_swept(
    database: Database, objects: S3Objects, s3_blobs: S3Blobs, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    await late_head(s3_blobs, later(database, objects, minutes=31), monkeypatch)
    assert names() == []
    with pytest.raises(ObjectStorageUnavailableError):
        await make_s3_blobs(database, objects).put(blob("d1"))
    await make_s3_blobs(database, objects).put(blob("d1"))
    assert await s3_blobs.get("g1", "d1") == blob("d1")


@pytest.mark.parametrize("is_taken_back", [True, False])
async def test_a_put_does_not_trust_a_head_that_another_takes_back(
    database: Database,
    objects: S3Objects,
    s3_blobs: S3Blobs,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
    is_taken_back: bool,
) -> None:
    """The one that wrote the object sees the mark of a sweep, before or after the head was found by the second."""
    await interrupted(s3_blobs, monkeypatch)
    uploads = Uploads(database)
    noted = await uploads.before(FAR, limit=9)
    await s3_blobs._store_heads([head_of(blob("d1"), in_object=noted[0].object)])
    await uploads.mark_swept(noted)
    store = s3_blobs._store_heads

    async def store_late(heads: Sequence[Any]) -> None:
        if is_taken_back:
            await make_s3_blobs(database, objects)._take_back(noted)
        await store(heads)

    with monkeypatch.context() as patch:
        patch.setattr(s3_blobs, "_store_heads", store_late)
        with pytest.raises(ObjectStorageUnavailableError):
            await s3_blobs.put(blob("d1"))
    await later(database, objects, minutes=31).sweep()
    await s3_blobs.put(blob("d1"))
    assert await s3_blobs.get("g1", "d1") == blob("d1")
    assert len(names()) == 1, "no object is left behind"


async def test_a_put_that_was_overtaken_does_not_trust_the_head_of_the_other(
    database: Database, objects: S3Objects, s3_blobs: S3Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two write the same picture; the sweep deletes the object of the first, whose head comes before the second's."""
    first, write = make_s3_blobs(database, objects), s3_blobs._write_objects

    async def write_late(pairs: Any) -> None:
        await late_head(first, later(database, objects, minutes=31), monkeypatch)
        await write(pairs)

    with monkeypatch.context() as patch:
        patch.setattr(s3_blobs, "_write_objects", write_late)
        with pytest.raises(ObjectStorageUnavailableError):
            await s3_blobs.put(blob("d1"))
    await s3_blobs.put(blob("d1"))
    assert await s3_blobs.get("g1", "d1") == blob("d1")


async def test_a_picture_that_a_sweep_has_kept_is_put_again(
    database: Database, objects: S3Objects, s3_blobs: S3Blobs, names: Names
) -> None:
    await s3_blobs.put(blob("d1"))
    await later(database, objects, minutes=31).sweep()
    before = names()
    await s3_blobs.put(blob("d1"))
    assert names() == before


async def test_heads_are_not_written_by_a_primary_alone(
    database: Database, objects: S3Objects, s3_blobs: S3Blobs
) -> None:
    await s3_blobs.put(blob("d1"))
    assert s3_blobs._provisional.pending(stream_of("g1")) == [], "there is nothing to repeat for the next primary"
