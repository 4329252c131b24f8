"""The object storage of a database is one bucket, which every process names."""

import pytest
from structlog.testing import capture_logs

from store.errors import ObjectStorageError
from store.mongo.connection import Database, open_database
from store.objects.opening import open_objects, open_usable_objects
from store.objects.settings import S3Settings
from store.settings import StoreSettings
from tests.stores import settings_for
from tests.systems.object_storage import ObjectStorage, s3_settings

S3 = StoreSettings.model_validate({"mongodb_url": "mongodb://unused", "blob_store": "s3"})
NONE = S3Settings.model_validate({"s3_bucket": None})


async def refusal(settings: S3Settings, database: Database, store: StoreSettings = S3) -> str:
    with pytest.raises(ObjectStorageError) as refused:
        async with open_objects(store, settings, database, record=True):
            pass
    return str(refused.value)


async def test_a_database_keeps_its_bucket(database: Database) -> None:
    plain = S3.model_copy(update={"blob_store": "mongodb"})
    async with open_objects(plain, NONE, database, record=True) as objects:
        assert objects is None
    assert "set EXEMPLAR_S3_BUCKET" in await refusal(NONE, database)
    named = s3_settings("http://127.0.0.1:1", "pictures")
    for _ in range(2):
        async with open_objects(S3, named, database, record=True) as objects:
            assert objects is not None
    assert "bucket pictures" in await refusal(named.model_copy(update={"s3_bucket": "other"}), database)
    assert "bucket pictures" in await refusal(named.model_copy(update={"s3_prefix": "e/"}), database)
    assert await refusal(NONE, database, plain) == "pictures are in bucket pictures: set EXEMPLAR_S3_BUCKET"


async def test_a_command_writes_nothing_so_that_a_backup_can_be_restored(unprepared_url: str) -> None:
    named = s3_settings("http://127.0.0.1:1", "pictures")
    async with open_database(settings_for(unprepared_url)) as database:
        async with open_objects(S3, named, database, record=False) as objects:
            assert objects is not None
        assert await database.list_collection_names() == []
        async with open_objects(S3, named, database, record=True):
            pass
        with pytest.raises(ObjectStorageError, match="bucket pictures"):
            async with open_objects(S3, named.model_copy(update={"s3_bucket": "b"}), database, record=False):
                pass


async def test_a_process_starts_without_the_storage_and_says_what_to_do(database: Database) -> None:
    away = s3_settings("http://127.0.0.1:1", "pictures")
    with capture_logs() as logs:
        async with open_usable_objects(S3, away, database) as objects:
            assert objects is not None
    assert logs[-1]["event"] == "object_storage_unavailable"
    assert "check EXEMPLAR_S3_ENDPOINT" in logs[-1]["action"]


async def test_a_process_ends_for_a_bucket_that_is_missing(database: Database, object_storage: ObjectStorage) -> None:
    with pytest.raises(ObjectStorageError, match="NoSuchBucket"):
        async with open_usable_objects(S3, s3_settings(object_storage.url, "nowhere"), database):
            pass
