import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from store.errors import ObjectStorageUnavailableError
from store.generations.blobs import PIECE, Blob, Kind
from store.generations.mongo_blobs import MongoBlobs
from store.generations.picture_documents import from_object, has_object, head_of, key_of, numbers_of
from store.mongo.connection import Database, Document, raises_unavailable
from store.mongo.provisional import ProvisionalWrites, is_duplicate
from store.mongo.write_command import run_write
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

    A sweep marks the rows of old uploads, then reads heads; a put stores heads, then reads the rows of their objects.
    A majority has each before the other is read. So one of them sees the other, whatever the clocks say and whoever
    is the primary: the sweep keeps the object, or the put takes its head back and fails.
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
        self._database = database
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
        if named := [head for head in heads.values() if has_object(head)]:
            if await self._store_heads(named):
                named = await self._found_again(named)
            await self._require_objects([_upload_named_by(head) for head in named], {*uploads.values()})

    async def _stored_heads(self, keys: Collection[str]) -> dict[str, Document]:
        """Map the pictures that are stored already to their heads, without bytes."""
        found = self._blobs.find({"_id": {"$in": [*keys]}}, {"data": 0})
        return {head["_id"]: head async for head in found} if keys else {}

    async def _write_objects(self, pairs: Sequence[tuple[Upload, Blob]]) -> None:
        await self._uploads.begin([upload for upload, _ in pairs])
        await all_done([self._objects.put(upload.object, one.data, one.content_type) for upload, one in pairs])

    async def _store_heads(self, heads: Sequence[Document]) -> bool:
        """Store heads for good, those that are there too, which may not be durable yet; tell whether any was there.

        A primary alone may be deposed: then a sweep through the next one would not see them.
        """
        command = {"insert": self._blobs.name, "documents": heads, "ordered": False}
        return is_duplicate(await run_write(self._database, command, self._database.write_concern.document))

    async def _found_again(self, heads: Sequence[Document]) -> list[Document]:
        """Read the heads that are stored instead: those of another put may name other objects."""
        found = await self._stored_heads([head["_id"] for head in heads])
        if len(found) < len(heads):
            raise ObjectStorageUnavailableError("put_object", "taken back")
        return [head for head in found.values() if has_object(head)]

    async def _require_objects(self, named: Sequence[Upload], own: Collection[Upload]) -> None:
        """Raise unless every head that is stored now names an object that stays; take back those that do not.

        Another's object without a row was kept by a sweep, or deleted before its late head came: the storage tells.
        """
        states = await self._uploads.states(named)
        lost = [one for one in named if states.get(one.object) == "taken_back"]
        lost += [one for one in named if one in own and states.get(one.object) != "kept"]
        settled = [one for one in named if one not in own and one.object not in states]
        found = await all_done([self._objects.get(one.object, 0, 1) for one in settled])
        lost += [one for one, data in zip(settled, found, strict=True) if data is None]
        if lost:
            await self._take_back(lost)
        if lost or "swept" in states.values():
            raise ObjectStorageUnavailableError("put_object", "took too long")

    async def _take_back(self, uploads: Sequence[Upload]) -> None:
        """Delete the heads of objects that a sweep may have deleted; noted once more, what is left of them is swept."""
        await self._uploads.begin(uploads, taken_back=True)
        await self._blobs.delete_many(
            {
                "generation": {"$in": [one.generation for one in uploads]},
                "object": {"$in": [one.object for one in uploads]},
            }
        )

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


def _upload_named_by(head: Document) -> Upload:
    return Upload(head["object"], head["generation"], head["token"], head["kind"])
