import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final

from pymongo import ASCENDING

from domain.generation.generation import stream_of
from store.audit.picture_check import RecordedGeneration, StoredPicture
from store.audit.stored_form import LENIENT, are_all
from store.commits.document import readable
from store.generations.blobs import PIECE
from store.generations.picture_documents import from_object, has_object
from store.mongo.connection import Database, Document, raises_unavailable, reachable
from store.objects.s3_objects import S3Objects

_BATCH: Final = 32  # documents of at most a piece each
_AT_ONCE: Final = 8  # objects, each of up to ten megabytes
_TYPES: Final = ["generation.requested", "generation.completed"]
_SALTS: Final = dict.fromkeys(("generation", "token", "salt"), 1)


@raises_unavailable
class PictureScan:
    """Read every picture as stored, and what was recorded of it; memory: one picture, eight with objects."""

    def __init__(self, database: Database, objects: S3Objects | None = None) -> None:
        self._objects = objects
        self._blobs = database.get_collection("blobs", codec_options=LENIENT)
        self._personal_data = database.get_collection("personal_data", codec_options=LENIENT)
        self._commits = database.get_collection("commits")

    async def count(self) -> int:
        """Return about how many documents there are."""
        return int(await self._blobs.estimated_document_count())

    async def pictures(self) -> AsyncGenerator[StoredPicture, None]:
        """Read all pictures, those of a generation one after the other."""
        stored = _grouped(self._blobs.find({}, batch_size=_BATCH).sort("_id", ASCENDING))
        at_once = 1 if self._objects is None else _AT_ONCE
        with reachable():
            async with aclosing(_ahead(stored, self._with_bytes, at_once)) as pictures:
                async for picture in pictures:
                    yield picture

    async def again(self, picture: StoredPicture) -> StoredPicture | None:
        """Read one picture again; None when it was erased."""
        key = picture.key
        found = self._blobs.find({"_id": {"$gte": key, "$lt": f"{key}/~"}}).sort("_id", ASCENDING)
        async for stored in _grouped(found):
            return await self._with_bytes(stored)
        return None

    async def _with_bytes(self, picture: StoredPicture) -> StoredPicture:
        """Add the bytes that are in an object; without it, the picture has none."""
        head = picture.head
        if self._objects is None or head is None or not has_object(head) or not are_all(head.get("pieces", []), str):
            return picture
        data = await self._objects.get(head["object"])
        if data is None:
            return picture
        most = max(len(head.get("pieces", ())), -(-len(data) // PIECE))
        whole, *pieces = from_object(head, data, range(most)).values()
        return replace(picture, head=whole, pieces=[*picture.pieces, *pieces])

    async def recorded(self, generation: str) -> tuple[RecordedGeneration, str | None]:
        """Read what was recorded of a generation, and what is wrong with its personal data."""
        recorded, fault = RecordedGeneration(generation), None
        query = {"stream": stream_of(generation), "types": {"$in": _TYPES}}
        for document in await self._commits.find(query).sort("first", ASCENDING).to_list(None):
            commit = readable(document)
            for event in commit.events if commit else ():
                recorded.add(document["_id"], event.event)
        for document in await self._personal_data_of(generation):
            fault = recorded.add_salt(document) or fault
        return recorded, fault

    async def _personal_data_of(self, generation: str) -> Sequence[Document]:
        """Read the personal data by each of the two fields that name the generation: one may be damaged."""
        by_id = {"_id": {"$gte": f"{generation}/", "$lt": f"{generation}0"}}  # "0" follows "/"
        found = self._personal_data.find({"$or": [{"generation": generation}, by_id]}, _SALTS)
        return await found.to_list(None)


async def _ahead(
    stored: AsyncGenerator[StoredPicture, None],
    complete: Callable[[StoredPicture], Coroutine[Any, Any, StoredPicture]],
    at_once: int,
) -> AsyncGenerator[StoredPicture, None]:
    """Complete pictures, so many at once, in their order."""
    coming = deque[asyncio.Task[StoredPicture]]()
    try:
        async for picture in stored:
            coming.append(asyncio.create_task(complete(picture)))
            if len(coming) == at_once:
                yield await coming.popleft()
        while coming:
            yield await coming.popleft()
    finally:
        for one in coming:
            one.cancel()
        await asyncio.gather(*coming, return_exceptions=True)


async def _grouped(documents: Any) -> AsyncGenerator[StoredPicture, None]:
    """Collect the documents of each picture, which follow each other."""
    key, head, pieces = ("", ""), None, list[Document]()
    async for document in documents:
        generation, _, rest = str(document["_id"]).partition("/")
        digest, _, piece = rest.partition("/")
        if (generation, digest) != key:
            if head or pieces:
                yield StoredPicture(*key, head, pieces)
            key, head, pieces = (generation, digest), None, []
        if piece:
            pieces.append(document)
        else:
            head = document
    if head or pieces:
        yield StoredPicture(*key, head, pieces)
