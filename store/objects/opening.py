from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from store.errors import ObjectStorageError, ObjectStorageUnavailableError
from store.mongo.connection import Database, reachable
from store.objects.s3_objects import S3Objects
from store.objects.settings import S3Settings
from store.settings import StoreSettings

_KEY = "object_storage"

log = structlog.get_logger()


@asynccontextmanager
async def open_objects(
    store_settings: StoreSettings, s3_settings: S3Settings, database: Database, *, record: bool
) -> AsyncIterator[S3Objects | None]:
    """Open the object storage of the settings, None without one; it connects when it is first used.

    record: write the bucket into a database that has none, as processes do; a command reads, also an empty database.
    Raises ObjectStorageError for settings without a bucket that is needed, or with another one.
    """
    bucket = s3_settings.s3_bucket
    if bucket is None:
        if store_settings.blob_store == "s3":
            raise ObjectStorageError("EXEMPLAR_BLOB_STORE is s3: set EXEMPLAR_S3_BUCKET")
        await _require_none(database)
        yield None
        return
    async with S3Objects(s3_settings) as objects:
        await _require_same(database, bucket, s3_settings.s3_prefix, record=record)
        yield objects


@asynccontextmanager
async def open_usable_objects(
    store_settings: StoreSettings, s3_settings: S3Settings, database: Database
) -> AsyncIterator[S3Objects | None]:
    """Open the object storage as above for a process, and ask it whether the bucket can be used.

    One that does not answer is warned of: whatever needs no picture goes on without it.
    """
    async with open_objects(store_settings, s3_settings, database, record=True) as objects:
        if objects is not None:
            await _warn_or_require_usable(objects, s3_settings)
        yield objects


async def _warn_or_require_usable(objects: S3Objects, s3_settings: S3Settings) -> None:
    try:
        await objects.require_usable()
    except ObjectStorageUnavailableError as error:
        log.warning(
            "object_storage_unavailable",
            bucket=s3_settings.s3_bucket,
            code=error.code,
            action="pictures answer 503 until it answers: check EXEMPLAR_S3_ENDPOINT and the network",
        )


async def _require_none(database: Database) -> None:
    with reachable():
        known = await database["meta"].find_one({"_id": _KEY})
    if known is not None:
        raise ObjectStorageError(f"pictures are in bucket {known['bucket']}: set EXEMPLAR_S3_BUCKET")


async def _require_same(database: Database, bucket: str, prefix: str, *, record: bool) -> None:
    """Compare the bucket, which is recorded once: pictures in another one would seem to be lost."""
    named = {"bucket": bucket, "prefix": prefix}
    with reachable():
        if record:
            await database["meta"].update_one({"_id": _KEY}, {"$setOnInsert": named}, upsert=True)
        known = await database["meta"].find_one({"_id": _KEY}) or named
    if (known["bucket"], known["prefix"]) != (bucket, prefix):
        raise ObjectStorageError(
            f"pictures are in bucket {known['bucket']} under {known['prefix'] or 'no prefix'}:"
            " EXEMPLAR_S3_BUCKET and EXEMPLAR_S3_PREFIX name another place"
        )
