import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from domain.generation.generation import stream_of
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
_PAGE: Final = 500
_EXPIRED_AT_ONCE: Final = 100
_IN_OBJECT: Final[Document] = {"object": {"$gt": ""}}

log = structlog.get_logger()


@raises_unavailable
class S3Blobs(MongoBlobs):
    """Pictures whose bytes are objects in a bucket; their heads, with the hashes of all pieces, are in MongoDB.

    Each put writes objects with new names, and then a head that names one: no object is ever replaced, and what is
    deleted is never written again. Pictures that are in MongoDB are read from there.

    A sweep marks the rows of old uploads, then reads heads; a put stores heads, then reads its rows. So one of them
    sees the other, whatever the clocks say: the sweep keeps the object, or the put takes its head back and fails.
    """

    def __init__(
        self,
        database: Database,
        *,
        objects: S3Objects,
        uploads: Uploads,
        store_settings: StoreSettings,
        safe_now: Callable[[], Awaitable[datetime]],
        provisional: ProvisionalWrites | None = None,
    ) -> None:
        super().__init__(database, provisional)
        self._heads = database["blobs"]  # as a majority has them
        self._objects = objects
        self._uploads = uploads
        self._writes_objects = store_settings.blob_store == "s3"
        self._safe_now = safe_now

    async def put(self, *blobs: Blob) -> None:
        if not self._writes_objects:
            await super().put(*blobs)
            return
        wanted = {key_of(one): one for one in blobs}
        heads = await self._stored_heads(wanted)
        await super().put(*(wanted[key] for key, head in heads.items() if not has_object(head)))
        uploads = {key: _upload_of(one) for key, one in wanted.items() if key not in heads}
        if uploads:
            await self._write_objects([(upload, wanted[key]) for key, upload in uploads.items()])
        heads |= {key: head_of(wanted[key], in_object=upload.object) for key, upload in uploads.items()}
        # A head that exists is written too: after an election the commit may be stored without it.
        for tags, together in by_tags([one for key, one in wanted.items() if has_object(heads[key])]).items():
            await self._insert(tags, [heads[key_of(one)] for one in together])
        if uploads and not await self._uploads.are_kept([*uploads.values()]):
            await self._take_back(uploads)
            raise ObjectStorageUnavailableError("put_object", "took too long")

    async def _stored_heads(self, keys: Collection[str]) -> dict[str, Document]:
        """Map the pictures that are stored already to their heads, without bytes."""
        found = self._blobs.find({"_id": {"$in": [*keys]}}, {"data": 0})
        return {head["_id"]: head async for head in found} if keys else {}

    async def _write_objects(self, pairs: Sequence[tuple[Upload, Blob]]) -> None:
        await self._uploads.begin([upload for upload, _ in pairs])
        await all_done([self._objects.put(upload.object, one.data, one.content_type) for upload, one in pairs])

    async def _take_back(self, uploads: Mapping[str, Upload]) -> None:
        """Delete the heads of objects that a sweep may have deleted; noted once more, what is left of them is swept."""
        for one in uploads.values():
            self._provisional.forget(stream_of(one.generation), one.token, one.kind)
        await self._uploads.begin([*uploads.values()])
        named = {"$in": [one.object for one in uploads.values()]}
        await self._blobs.delete_many({"_id": {"$in": [*uploads]}, "object": named})

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
        swept, before = 0, await self._safe_now() - _ABANDONED_AFTER
        while old := await self._uploads.before(before, limit=_PAGE):
            await self._uploads.mark_swept(old)
            query = {"generation": {"$in": [one.generation for one in old]}} | _IN_OBJECT
            named = {head["object"] async for head in self._heads.find(query, {"object": 1})}
            lost = [one.object for one in old if one.object not in named]
            await self._objects.delete(lost)
            await self._uploads.end(old)
            swept += len(lost)
        return swept


def _upload_of(blob: Blob) -> Upload:
    """Give the object of a picture a new name."""
    return Upload(f"{key_of(blob)}/{secrets.token_hex(8)}", blob.generation, blob.token, blob.kind)
