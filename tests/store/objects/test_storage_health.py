"""The health of the store of pictures is that of the object storage, where there is one."""

import asyncio

from store.objects.s3_objects import S3Objects
from store.objects.storage_health import StorageHealth
from tests.systems.faulty_http import opened_faulty_http
from tests.systems.object_storage import ObjectStorage, s3_settings

MONGODB = {"status": "unhealthy", "error": "AutoReconnect"}


async def test_pictures_in_mongodb_are_as_healthy_as_it() -> None:
    assert await StorageHealth()(MONGODB) == {"status": "unhealthy", "type": "mongodb", "error": "AutoReconnect"}


async def test_an_object_storage_is_asked_and_its_answer_kept_for_a_while(objects: S3Objects) -> None:
    now = [0.0]
    health = StorageHealth(objects, lambda: now[0])
    works = {"status": "healthy", "type": "s3", "error": None}
    assert await health(MONGODB) == works
    async with S3Objects(s3_settings("http://127.0.0.1:1", "pictures")) as away:
        health._objects = away
        assert await health(MONGODB) == works
        now[0] = 5.0
        found = await health(MONGODB)
    assert (found["status"], found["error"] in ("ObjectStorageUnavailableError", "TimeoutError")) == ("unhealthy", True)


async def test_callers_at_the_same_time_ask_once(object_storage: ObjectStorage, bucket: str) -> None:
    async with (
        opened_faulty_http(object_storage.url) as counting,
        S3Objects(s3_settings(counting.url, bucket)) as objects,
    ):
        health = StorageHealth(objects)
        found = await asyncio.gather(*(health(MONGODB) for _ in range(5)))
    assert ([one["status"] for one in found], counting.requests) == (["healthy"] * 5, 1)
