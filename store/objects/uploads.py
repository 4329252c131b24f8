from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from pymongo import ASCENDING, IndexModel, UpdateOne
from pymongo.read_concern import ReadConcern

from store.mongo.connection import Database, Document, Indexes, raises_unavailable

UploadState = Literal["kept", "swept", "taken_back"]


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

    async def begin(self, uploads: Sequence[Upload], *, taken_back: bool = False) -> None:
        """Note objects, before they are written, by the clock of the server: processes' may differ.

        taken_back: once more, because their heads are about to be deleted.
        """
        aside = {"taken_back": True} if taken_back else {}
        rows = [
            UpdateOne(
                {"_id": one.object},
                {
                    "$set": {"generation": one.generation, "token": one.token, "kind": one.kind, **aside},
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

    async def states(self, uploads: Sequence[Upload]) -> Mapping[str, UploadState]:
        """Tell what became of objects whose heads are stored, as the primary has it; one without a row is left out.

        What is `kept` was not marked before it was named.
        """
        rows = await self._newest.find(_ids(uploads), {"swept": 1, "taken_back": 1}).to_list(None)
        return {row["_id"]: _state(row) for row in rows}

    async def end(self, uploads: Sequence[Upload]) -> None:
        """Forget marked objects that a picture names, or that are deleted; not those that were noted once more."""
        await self._uploads.delete_many(_ids(uploads) | {"swept": True})


def _state(row: Document) -> UploadState:
    if row.get("taken_back"):
        return "taken_back"
    return "swept" if row.get("swept") else "kept"


def _ids(uploads: Sequence[Upload]) -> Document:
    return {"_id": {"$in": [one.object for one in uploads]}}
