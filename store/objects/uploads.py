from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, IndexModel, UpdateOne

from store.mongo.connection import Database, Document, Indexes, raises_unavailable


@dataclass(frozen=True, slots=True)
class Upload:
    """An object that is written for a picture of a generation; its name is used for no other."""

    object: str
    generation: str
    token: str
    kind: str


@raises_unavailable
class Uploads:
    """Objects that are being written, or were lately: one that no picture names in the end is found by its row."""

    indexes: ClassVar[Indexes] = {"uploads": [IndexModel([("generation", ASCENDING)]), IndexModel([("at", ASCENDING)])]}

    def __init__(self, database: Database) -> None:
        self._uploads = database["uploads"]

    async def begin(self, uploads: Sequence[Upload]) -> None:
        """Note objects before they are written, by the clock of the server: those of processes may differ."""
        rows = [
            UpdateOne(
                {"_id": one.object},
                {
                    "$set": {"generation": one.generation, "token": one.token, "kind": one.kind},
                    "$currentDate": {"at": True},
                },
                upsert=True,
            )
            for one in uploads
        ]
        await self._uploads.bulk_write(rows, ordered=False)

    async def objects(self, query: Document) -> Sequence[str]:
        """Return the names of objects by `generation`, `token` and `kind`."""
        return [row["_id"] async for row in self._uploads.find(query, {"_id": 1})]

    async def before(self, moment: datetime, *, limit: int) -> Sequence[Upload]:
        """Return the oldest that were begun before a moment."""
        found = await self._uploads.find({"at": {"$lt": moment}}).sort("at", ASCENDING).to_list(limit)
        return [Upload(row["_id"], row["generation"], row["token"], row["kind"]) for row in found]

    async def end(self, uploads: Sequence[Upload]) -> None:
        """Forget objects that a picture names, or that are deleted."""
        await self._uploads.delete_many({"_id": {"$in": [one.object for one in uploads]}})
