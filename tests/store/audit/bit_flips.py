"""Flip single bits of stored documents, as a failing disk would."""

import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import DeleteMany, InsertOne
from pymongo.errors import PyMongoError

from store.audit.stored_form import LENIENT
from store.mongo.connection import Database

_PERSONAL: Final = ("_id", "generation", "token", "salt", "instructions")
_BLOB: Final = (*("_id", "generation", "digest", "token", "kind", "content_type", "data", "sha256", "pieces"),)
COVERED: Final[Mapping[str, tuple[str, ...]]] = {
    "commits": (*("_id", "stream", "first", "last", "types", "time", "leaf", "body", "developer", "project", "user"),),
    "log": ("_id", "commit", "stream", "leaf", "terms", "developer", "project", "user"),
    "merkle_nodes": ("_id", "root"),
    "checkpoints": ("_id", "root", "frontier", "note", "cosignatures"),
    "blobs": _BLOB,
    "personal_data": _PERSONAL,
}
"""The fields that proofs cover, by collection."""


@dataclass(frozen=True, slots=True)
class Flip:
    """A bit of a document, counted in its BSON; `changed`: what the document became."""

    collection: str
    id: Any
    bit: int
    changed: bytes = field(repr=False)


class BitFlipper:
    """Flip random bits of a database, one at a time."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._random = random.Random(seed)
        self._originals: dict[str, list[bytes]] = {}

    async def load(self) -> None:
        """Keep every document that proofs cover."""
        for name in COVERED:
            batches = [batch async for batch in self._database[name].find_raw_batches({})]
            self._originals[name] = [
                bytes(document.raw)
                for batch in batches
                for document in bson.decode_all(batch, bson.CodecOptions(document_class=RawBSONDocument))
            ]

    async def flips(self, count: int) -> AsyncIterator[Flip]:
        """Store `count` flips, one after the other; each is undone before the next."""
        while count:
            name = self._random.choice([*COVERED])
            original = self._random.choice(self._originals[name])
            bit = self._random.randrange(8 * len(original))
            changed = bytearray(original)
            changed[bit // 8] ^= 1 << bit % 8
            if _covered(name, original) == _covered(name, bytes(changed)):
                continue  # a field that no proof covers, or a byte that no reader sees
            identifier = bson.decode(original)["_id"]
            if await self._replace(name, original, bytes(changed)):
                count -= 1
                yield Flip(name, identifier, bit, bytes(changed))
            assert await self._replace(name, original, original)

    async def _replace(self, name: str, original: bytes, document: bytes) -> bool:
        """Replace a document, whatever became of its id; False when MongoDB does not store the new one."""
        others = [bson.decode(one)["_id"] for one in self._originals[name] if one is not original]
        try:
            written = RawBSONDocument(document)
            changes: list[Any] = [DeleteMany({"_id": {"$nin": others}}), InsertOne(written)]
            await self._database[name].bulk_write(changes)
        except (PyMongoError, bson.errors.BSONError, IndexError):  # the last one: a negative length
            return False
        return True


def _covered(name: str, document: bytes) -> str:
    """Write the covered fields as they are read; a document that cannot be read has none."""
    try:
        fields = bson.decode(document, LENIENT)
    except bson.errors.BSONError:
        return ""
    return repr([fields.get(field, KeyError) for field in COVERED[name]])
