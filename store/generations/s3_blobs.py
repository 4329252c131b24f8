import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from store.errors import ObjectStorageUnavailableError
from store.generations.blobs import PIECE, Blob, Kind
from store.generations.mongo_blobs import MongoBlobs, by_tags
from store.generations.picture_documents import from_object, has_object, head_of, key_of, numbers_of
from store.mongo.connection import Database, Document, raises_unavailable
from store.mongo.provisional import ProvisionalWrites
from store.objects.s3_objects import S3Objects, all_done
from store.objects.uploads import Upload, Uploads
from store.settings import StoreSettings

_ABANDONED_AFTER: Final = timedelta(minutes=30)
_LONGEST_PUT_S: Final = 600.0  # far below that: a process that slept in between must not name what is swept
_PAGE: Final = 500
_EXPIRED_AT_ONCE: Final = 100
_IN_OBJECT: Final[Document] = {"object": {"$gt": ""}}

log = structlog.get_logger()


@raises_unavailable
class S3Blobs(MongoBlobs):
    """Pictures whose bytes are objects in a bucket; their heads, with the hashes of all pieces, are in MongoDB.

    Each put writes objects with new names, and then a head that names one: no object is ever replaced, and what is
    deleted is never written again. Pictures that are in MongoDB are read from there.
    """

    def __init__(
        self,
        database: Database,
        *,
        objects: S3Objects,
        uploads: Uploads,
        store_settings: StoreSettings,
        server_time: Callable[[], Awaitable[datetime]],
        provisional: ProvisionalWrites | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(database, provisional)
        self._heads = database["blobs"]  # as a majority has them
        self._objects = objects
        self._uploads = uploads
        self._writes_objects = store_settings.blob_store == "s3"
        self._server_time = server_time
        self._monotonic = monotonic

    async def put(self, *blobs: Blob) -> None:
        if not self._writes_objects:
            await super().put(*blobs)
            return
        began, names = self._monotonic(), await self._new_names(blobs)
        if not names:
            return
        new = [one for one in blobs if key_of(one) in names]
        await self._uploads.begin([Upload(names[key_of(one)], one.generation, one.token, one.kind) for one in new])
        await all_done([self._objects.put(names[key_of(one)], one.data, one.content_type) for one in new])
        if self._monotonic() - began > _LONGEST_PUT_S:
            raise ObjectStorageUnavailableError("put_object", "took too long")
        for tags, together in by_tags(new).items():
            await self._insert(tags, [head_of(one, in_object=names[key_of(one)]) for one in together])

    async def _new_names(self, blobs: Sequence[Blob]) -> Mapping[str, str]:
        """Map the pictures that are not stored yet to names for their objects."""
        keys = [*dict.fromkeys(map(key_of, blobs))]
        stored = {head["_id"] async for head in self._blobs.find({"_id": {"$in": keys}}, {"_id": 1})} if keys else set()
        return {key: f"{key}/{secrets.token_hex(8)}" for key in keys if key not in stored}

    async def _with_bytes(self, found: Mapping[str, Document], numbers: range | None = None) -> Mapping[str, Document]:
        heads = [document for document in found.values() if has_object(document)]
        complete = dict(found)
        read = await asyncio.gather(*(self._documents(head, numbers) for head in heads))
        for head, documents in zip(heads, read, strict=True):
            del complete[head["_id"]]
            complete |= documents
        return complete

    async def _documents(self, head: Document, numbers: range | None) -> Mapping[str, Document]:
        """Read the object of a picture, or the pieces that are asked for; nothing where it was deleted."""
        own = numbers_of(head)
        wanted = own if numbers is None else own[numbers.start : numbers.stop]
        if len(wanted) == len(own):
            data = await self._objects.get(head["object"])
        else:
            data = await self._objects.get(head["object"], wanted.start * PIECE, wanted.stop * PIECE)
        if data is None:
            log.warning("picture_object_missing", picture=head["_id"])
            return {}
        return from_object(head, data, wanted)

    async def _delete_objects(self, query: Document) -> None:
        """Delete the objects of pictures, and those that were written lately and are named by none yet."""
        named = [head["object"] async for head in self._blobs.find(query | _IN_OBJECT, {"object": 1})]
        await self._objects.delete({*named, *await self._uploads.objects(query)})

    async def expire(self, kind: Kind, before: datetime) -> int:
        expired, query = 0, {"kind": kind, "created_at": {"$lt": before}} | _IN_OBJECT
        while heads := await self._blobs.find(query, {"object": 1}).to_list(_EXPIRED_AT_ONCE):
            await self._objects.delete([head["object"] for head in heads])
            await self._blobs.delete_many({"_id": {"$in": [head["_id"] for head in heads]}})
            expired += len(heads)
        return expired + await super().expire(kind, before)

    async def sweep(self) -> int:
        swept, before = 0, await self._server_time() - _ABANDONED_AFTER
        while old := await self._uploads.before(before, limit=_PAGE):
            query = {"generation": {"$in": [one.generation for one in old]}} | _IN_OBJECT
            named = {head["object"] async for head in self._heads.find(query, {"object": 1})}
            lost = [one.object for one in old if one.object not in named]
            await self._objects.delete(lost)
            await self._uploads.end(old)
            swept += len(lost)
        return swept
