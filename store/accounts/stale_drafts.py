"""Drafts that nobody goes on with: found, marked for their makers to see, and deleted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from domain.accounts.developer import DraftKind
from store.mongo.connection import Database, Document, reachable

Kind = DraftKind | Literal["staff"]
KINDS: tuple[Kind, ...] = (*get_args(DraftKind), "staff")


@dataclass(frozen=True, slots=True)
class StaleDraft:
    """What has waited for too long; `change` is None when the whole document is a draft."""

    kind: Kind
    developer: str
    id: str
    change: str | None = None

    @property
    def place(self) -> str:
        """Name where its parts stand in the document."""
        return "" if self.change is None else f"drafts.{self.change}."

    @property
    def marked(self) -> Document:
        return {"_id": self.id, f"{self.place}withdrawn": True}


class StaleDrafts:
    """Every step may be repeated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, kind: Kind, before: datetime, *, limit: int = 100) -> list[StaleDraft]:
        """List what has been waiting since before a moment."""
        query = {"$or": [{name: {"$lt": before}} for name in ("pending_since", "drafted_since")]}
        with reachable():
            documents = await self._database[kind].find(query).limit(limit).to_list(limit)
            for document in documents:
                await self._rest(kind, document["_id"])
        return [draft for document in documents for draft in _waiting(kind, document, before)]

    async def mark(self, draft: StaleDraft, before: datetime) -> bool:
        """Mark an old draft as withdrawn, for its maker to see; False when it waits no more."""
        since = f"{draft.place}since" if draft.change else "pending_since"
        old = {"_id": draft.id, since: {"$lt": before}}
        with reachable():
            result = await self._database[draft.kind].update_one(
                old, {"$set": {f"{draft.place}withdrawn": True}}
            )
        return bool(result.matched_count)

    async def is_marked(self, draft: StaleDraft) -> bool:
        """Tell whether a marked draft still is one: no event made it valid, nobody goes on with it."""
        with reachable():
            return bool(await self._database[draft.kind].count_documents(draft.marked, limit=1))

    async def delete(self, draft: StaleDraft) -> None:
        """Delete a marked draft."""
        with reachable():
            if draft.change is None:
                await self._database[draft.kind].delete_one(draft.marked)
            else:
                gone = {"$unset": {f"drafts.{draft.change}": ""}}
                await self._database[draft.kind].update_one(draft.marked, gone)

    async def _rest(self, kind: Kind, document_id: str) -> None:
        """Forget since when changes wait, where none does."""
        none_waits = {"_id": document_id, "$or": [{"drafts": {}}, {"drafts": None}]}
        await self._database[kind].update_one(none_waits, {"$unset": {"drafted_since": ""}})


def developer_of(kind: Kind, document: Document) -> str:
    """Tell whose a document of accounts is; of the platform's people nobody's."""
    return str(document["_id"] if kind == "developers" else document.get("developer_id", ""))


def _waiting(kind: Kind, document: Document, before: datetime) -> list[StaleDraft]:
    developer, name = developer_of(kind, document), document["_id"]
    if document.get("pending_since", before) < before:
        return [StaleDraft(kind, developer, name)]
    changes = document.get("drafts", {}).items()
    return [StaleDraft(kind, developer, name, change) for change, one in changes if one["since"] < before]
