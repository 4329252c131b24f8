"""Objects in a bucket, on a real HTTP server, and behind one that fails."""

from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from store.errors import ObjectStorageError, ObjectStorageUnavailableError, StoreUnavailableError
from store.objects.s3_objects import S3Objects
from store.objects.settings import S3Settings
from tests.systems.faulty_http import FaultyHttp, opened_faulty_http
from tests.systems.object_storage import SECRET, ObjectStorage, s3_settings

DATA = bytes(range(256)) * 40


@pytest.fixture
async def faulty(object_storage: ObjectStorage) -> AsyncIterator[FaultyHttp]:
    async with opened_faulty_http(object_storage.url) as faulty:
        yield faulty


@pytest.fixture
async def objects_behind(faulty: FaultyHttp, bucket: str) -> AsyncIterator[S3Objects]:
    async with S3Objects(s3_settings(faulty.url, bucket, s3_timeout_ms=300)) as objects:
        yield objects


async def test_what_was_written_is_read_whole_and_in_parts(
    objects: S3Objects, object_storage: ObjectStorage, bucket: str
) -> None:
    await objects.put("g1/d1/aa", DATA, "image/png")
    assert await objects.get("g1/d1/aa") == DATA
    assert await objects.get("g1/d1/aa", 10, 20) == DATA[10:20]
    assert await objects.get("g1/d1/aa", len(DATA) - 5, len(DATA) + 5) == DATA[-5:]
    assert await objects.get("g1/d1/aa", len(DATA), len(DATA) + 5) == b""
    assert await objects.get("g1/d1/bb") is None
    assert object_storage.names(bucket) == ["e/g1/d1/aa"]


async def test_objects_are_deleted_once_and_again(
    objects: S3Objects, object_storage: ObjectStorage, bucket: str
) -> None:
    for number in range(20):
        await objects.put(str(number), b"x", "image/png")
    for _ in range(2):
        await objects.delete([str(number) for number in range(19)])
    assert object_storage.names(bucket) == ["e/19"]


async def test_what_fails_for_a_moment_is_tried_again(faulty: FaultyHttp, objects_behind: S3Objects) -> None:
    faulty.statuses = [503, 0]
    await objects_behind.put("one", DATA, "image/png")
    faulty.statuses = [500, 503]
    assert await objects_behind.get("one") == DATA
    assert faulty.requests == 6


async def test_what_stays_broken_is_unavailable_after_three_attempts(
    faulty: FaultyHttp, objects_behind: S3Objects
) -> None:
    faulty.statuses = [503, 500, -1]
    with capture_logs() as logs, pytest.raises(StoreUnavailableError):
        await objects_behind.get("one")
    assert faulty.requests == 3
    assert [line["attempts"] for line in logs] == [3]


async def test_what_is_refused_is_not_tried_again_and_no_secret_is_told(
    faulty: FaultyHttp, objects_behind: S3Objects
) -> None:
    faulty.statuses = [403]
    with capture_logs() as logs, pytest.raises(ObjectStorageUnavailableError) as failed:
        await objects_behind.put("one", DATA, "image/png")
    assert (faulty.requests, failed.value.code) == (1, "AccessDenied")
    assert [line["code"] for line in logs] == ["AccessDenied"]
    assert SECRET not in f"{logs} {failed.value!r} {failed.value.__cause__!r} {s3_settings('http://a', 'b')!r}"


async def test_a_bucket_must_exist_and_keep_no_versions(object_storage: ObjectStorage, bucket: str) -> None:
    for name, told in [("nowhere-at-all", "NoSuchBucket"), (object_storage.new_bucket(versions=True), "versioning")]:
        async with S3Objects(s3_settings(object_storage.url, name)) as objects:
            with pytest.raises(ObjectStorageError, match=told):
                await objects.require_usable()
    async with S3Objects(s3_settings(object_storage.url, bucket)) as objects:
        await objects.require_usable()


async def test_a_key_that_may_not_read_the_versioning_is_warned_of(
    faulty: FaultyHttp, objects_behind: S3Objects
) -> None:
    faulty.statuses = [403, 403]
    with capture_logs() as logs:
        await objects_behind.require_usable()
        await objects_behind.require_usable()
    assert [line["event"] for line in logs] == ["bucket_versioning_unknown"]


def test_without_the_library_a_start_ends_with_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.objects.s3_objects.find_spec", lambda _: None)
    with pytest.raises(ObjectStorageError, match=r"pip install exemplar\[s3\]"):
        S3Objects(s3_settings("http://127.0.0.1:1", "pictures"))


def test_half_a_key_is_refused() -> None:
    with pytest.raises(ValueError, match="EXEMPLAR_S3_SECRET_ACCESS_KEY"):
        S3Settings.model_validate({"s3_access_key_id": "AKIA"})
