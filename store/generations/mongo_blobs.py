from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import structlog
from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern

from domain.generation.generation import stream_of
from store.errors import DamagedBlobError, ObjectStorageUnavailableError
from store.generations.blobs import PIECE, Blob, BlobPart, Kind, cut
from store.generations.picture_documents import FIELDS, has_object, head_of, piece_id, pieces_of, sha256_of
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, raises_unavailable
from store.mongo.deleting import delete_in_batches
from store.mongo.finding import find_few
from store.mongo.provisional import ProvisionalWrites

_DELETED_AT_ONCE = 100  # of up to ten megabytes each
_NAMED = ("generation", "digest", "sha256")
_OWN: Document = {"object": None}  # not in an object storage, where it would stay
_AT_ONCE = 8 * 2**20 // PIECE + 1

log = structlog.get_logger()


@raises_unavailable
class MongoBlobs:
    """Pictures in collection `blobs`; `_id` is `<generation>/<digest>`.

    A picture of several pieces has a document for each, with its number after the `_id` of the picture, whose own
    document holds their hashes and follows them: only a picture that was put whole is looked for.
    """

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
        for tags, together in by_tags(blobs).items():
            await self._insert(tags, [document for blob in together for document in (*pieces_of(blob), head_of(blob))])

    async def _insert(self, tags: tuple[str, str, Kind], documents: Sequence[Document]) -> None:
        """Insert what is written, and erased, together; what exists stays as it is."""
        generation, *erased_by = tags
        for batch in _batches(documents):
            size = sum(len(document.get("data", b"")) for document in batch)
            command = {"insert": self._blobs.name, "documents": batch, "ordered": False}
            await self._provisional.write(stream_of(generation), command, size=size, tags=erased_by)

    async def get(self, generation: str, digest: str) -> Blob | None:
        [blob] = await self.get_all(generation, [digest])
        return blob

    async def get_all(self, generation: str, digests: Sequence[str]) -> Sequence[Blob | None]:
        keys = [f"{generation}/{digest}" for digest in digests]
        wanted: list[Document] = [{"_id": {"$gte": key, "$lt": f"{key}/~"}} for key in dict.fromkeys(keys)]
        found = await self._find(wanted[0] if len(wanted) == 1 else {"$or": wanted}) if wanted else {}
        found = await self._with_bytes(found)
        return [_whole(found, key) for key in keys]

    async def part(self, generation: str, digest: str, start: int, stop: int) -> BlobPart | None:
        key, numbers = f"{generation}/{digest}", range(start // PIECE, (stop - 1) // PIECE + 1)
        found = await self._find({"_id": {"$in": [key, *(piece_id(key, number) for number in numbers)]}})
        found = await self._with_bytes(found, numbers)
        if key not in found or (data := _checked(found, key, numbers)) is None:
            return None
        first = numbers.start if "pieces" in found[key] else 0
        return BlobPart(found[key]["sha256"], cut(data, first, start, stop))

    async def hashes(self, generation: str) -> dict[str, str]:
        return await self._hashes.put(generation)

    async def _find(self, query: Document) -> Mapping[str, Document]:
        return {document["_id"]: document async for document in self._blobs.find(query)}

    async def _with_bytes(self, found: Mapping[str, Document], numbers: range | None = None) -> Mapping[str, Document]:
        """Add the bytes that are not in MongoDB, at least those of the pieces with these numbers."""
        if any(map(has_object, found.values())):
            raise ObjectStorageUnavailableError("get_object", "EXEMPLAR_S3_BUCKET is not set")
        return found

    async def _delete_objects(self, query: Document) -> None:
        """Delete the bytes that are not in MongoDB."""
        if await self._blobs.find_one(query | {"object": {"$gt": ""}}, {"_id": 1}):
            raise ObjectStorageUnavailableError("delete_object", "EXEMPLAR_S3_BUCKET is not set")

    async def _find_hashes(self, generations: Sequence[str]) -> Sequence[dict[str, str]]:
        query = {"generation": {"$in": list(set(generations))}, "sha256": {"$gt": ""}}
        found: dict[str, dict[str, str]] = {generation: {} for generation in generations}
        for document in await find_few(self._blobs, query, {"_id": 0, **dict.fromkeys(_NAMED, 1)}):
            found[document["generation"]][document["digest"]] = document["sha256"]
        return [found[generation].copy() for generation in generations]

    async def erase(self, generation: str, *, token: str | None = None, kind: Kind | None = None) -> None:
        self._provisional.forget(stream_of(generation), *(tag for tag in (token, kind) if tag))
        query = {"generation": generation} | ({"token": token} if token else {})
        query |= {"kind": kind} if kind else {}
        await self._delete_objects(query)
        await self._blobs.delete_many(query)

    async def expire(self, kind: Kind, before: datetime) -> int:
        return await delete_in_batches(
            self._blobs, {"kind": kind, "created_at": {"$lt": before}} | _OWN, batch=_DELETED_AT_ONCE
        )

    async def sweep(self) -> int:
        return 0  # what an interrupted put has left is found by the token of its generation


def _batches(documents: Sequence[Document]) -> Iterator[Sequence[Document]]:
    """Cut pieces into commands: one may not be larger than a document may be."""
    return (documents[start : start + _AT_ONCE] for start in range(0, len(documents), _AT_ONCE))


def by_tags(blobs: Sequence[Blob]) -> Mapping[tuple[str, str, Kind], list[Blob]]:
    """Group pictures by what is written, and erased, together."""
    groups = defaultdict[tuple[str, str, Kind], list[Blob]](list)
    for blob in blobs:
        groups[blob.generation, blob.token, blob.kind].append(blob)
    return groups


def _whole(found: Mapping[str, Document], key: str) -> Blob | None:
    """Make a picture of its pieces; None where some are missing. Raises DamagedBlobError."""
    head = found.get(key)
    if head is None or (data := _checked(found, key, range(len(head.get("pieces", ()))))) is None:
        return None
    whole = data[0] if len(data) == 1 else b"".join(data)
    return Blob(**{name: head[name] for name in FIELDS}, data=whole)


def _checked(found: Mapping[str, Document], key: str, numbers: Iterable[int]) -> Sequence[bytes] | None:
    """Return the bytes of these pieces; None when one was deleted meanwhile. Raises DamagedBlobError."""
    hashes = found[key].get("pieces")
    if hashes is None:
        wanted = {key: found[key]["sha256"]}
    else:
        wanted = {piece_id(key, number): hashes[number] for number in numbers if number < len(hashes)}
    if not found.keys() >= wanted.keys():
        return None
    data: list[bytes] = [found[name]["data"] for name in wanted]
    if [sha256_of(piece) for piece in data] != [*wanted.values()]:
        log.critical("picture_damaged", picture=key)
        raise DamagedBlobError(key)
    return data
