from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern

from domain.generation.generation import stream_of
from store.generations.blobs import Blob, Kind
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, raises_unavailable
from store.mongo.provisional import ProvisionalWrites

_NAMED = ("generation", "digest", "sha256")
_FIELDS = tuple(field.name for field in fields(Blob))


@raises_unavailable
class MongoBlobs:
    """Pictures in collection `blobs`, one document each; `_id` is `<generation>/<digest>`."""

    indexes: ClassVar[Indexes] = {
        "blobs": [
            IndexModel([(name, ASCENDING) for name in _NAMED]),  # answers `hashes` without reading a picture
            IndexModel([("kind", ASCENDING), ("created_at", ASCENDING)]),
        ]
    }

    def __init__(self, database: Database, provisional: ProvisionalWrites | None = None) -> None:
        self._blobs = database.get_collection("blobs", read_concern=ReadConcern("local"))
        self._provisional = provisional or ProvisionalWrites(database)
        self._hashes: Batcher[str, dict[str, str]] = Batcher(self._find_hashes)

    async def put(self, *blobs: Blob) -> None:
        for blob in blobs:  # a command of several may be larger than a document may be
            command = {"insert": self._blobs.name, "documents": [_document(blob)]}
            await self._provisional.write(stream_of(blob.generation), command, size=len(blob.data))

    async def get(self, generation: str, digest: str) -> Blob | None:
        document = await self._blobs.find_one({"_id": f"{generation}/{digest}"})
        return Blob(**{name: document[name] for name in _FIELDS}) if document else None

    async def hashes(self, generation: str) -> dict[str, str]:
        return await self._hashes.put(generation)

    async def _find_hashes(self, generations: Sequence[str]) -> Sequence[dict[str, str]]:
        query, shown = {"generation": {"$in": list(set(generations))}}, dict.fromkeys(_NAMED, 1)
        found: dict[str, dict[str, str]] = {generation: {} for generation in generations}
        async for document in self._blobs.find(query, {"_id": 0, **shown}):
            found[document["generation"]][document["digest"]] = document["sha256"]
        return [found[generation].copy() for generation in generations]

    async def erase(self, generation: str, *, token: str | None = None, kind: Kind | None = None) -> None:
        self._provisional.forget(stream_of(generation))
        query = {"generation": generation} | ({"token": token} if token else {})
        query |= {"kind": kind} if kind else {}
        await self._blobs.delete_many(query)

    async def expire(self, kind: Kind, before: datetime) -> int:
        deleted = await self._blobs.delete_many({"kind": kind, "created_at": {"$lt": before}})
        return deleted.deleted_count


def _document(blob: Blob) -> Document:
    # Not `asdict`, which copies the bytes.
    fields = {name: getattr(blob, name) for name in _FIELDS}
    return {"_id": f"{blob.generation}/{blob.digest}", **fields}
