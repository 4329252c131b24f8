from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.read_concern import ReadConcern

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
        self._newest = database.get_collection("uploads", read_concern=ReadConcern("local"))

    async def begin(self, uploads: Sequence[Upload]) -> None:
        """Note objects, before they are written or once more, by the clock of the server: processes' may differ."""
        rows = [
            UpdateOne(
                {"_id": one.object},
                {
                    "$set": {"generation": one.generation, "token": one.token, "kind": one.kind},
                    "$currentDate": {"at": True},
                    "$unset": {"swept": True},
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

    async def mark_swept(self, uploads: Sequence[Upload]) -> None:
        """Mark objects that are deleted unless a picture names them by now; a majority has the mark, and all before."""
        await self._uploads.update_many(_ids(uploads), {"$set": {"swept": True}})

    async def are_kept(self, uploads: Sequence[Upload]) -> bool:
        """Tell whether objects that pictures name stay, as the primary has it: none was marked before it was named."""
        return await self._newest.count_documents(_ids(uploads) | {"swept": None}) == len(uploads)

    async def end(self, uploads: Sequence[Upload]) -> None:
        """Forget marked objects that a picture names, or that are deleted; not those that were noted once more."""
        await self._uploads.delete_many(_ids(uploads) | {"swept": True})


def _ids(uploads: Sequence[Upload]) -> Document:
    return {"_id": {"$in": [one.object for one in uploads]}}
