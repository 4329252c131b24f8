import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pymongo import ASCENDING

from domain.audit.terms import ExpectedTerms
from domain.generation.generation import is_generation
from events.commit import leaf_hash
from store.audit.stored_form import LENIENT
from store.commits.document import OWNER
from store.log.commit_terms import CommitTerms, SealedBytes
from store.mongo.connection import Database, Document, raises_unavailable, reachable
from store.replay.read_model import MALFORMED, Difference, differences_of, incomparable

MODEL: Final = "log"
_BATCH: Final = 200
_A_TIME: Final = "a time"


@raises_unavailable
class LogEntries:
    """What stands beside the positions of the log: the stream, the leaf, the owner, and the terms of a search."""

    def __init__(self, database: Database) -> None:
        self._log = database.get_collection("log", codec_options=LENIENT)
        self._commits = database.get_collection("commits", codec_options=LENIENT)
        self._terms = CommitTerms(database)

    async def compare(self, head: int, stream: str | None = None) -> AsyncIterator[tuple[int, list[Difference]]]:
        """Compare the entries up to a position, or those of one stream: the number of a batch, and its differences."""
        query: Document = {"_id": {"$lte": head}}
        if stream is not None:
            query["commit"] = {"$regex": f"^{re.escape(stream)}:"}
        with reachable():
            found = self._log.find(query, batch_size=_BATCH).sort("_id", ASCENDING)
            while batch := await found.to_list(_BATCH):
                yield len(batch), await self._differences(batch)

    async def _differences(self, entries: Sequence[Document]) -> list[Difference]:
        ids = [entry.get("commit") for entry in entries]
        found = await self._commits.find({"_id": {"$in": ids}}, {"body": 1}).to_list(None)
        bodies = {document["_id"]: body for document in found if isinstance(body := document.get("body"), bytes)}
        sealed = [SealedBytes(one["_id"], name, bodies[name]) for one in entries if (name := _sealed(one, bodies))]
        terms = await self._terms.of(sealed)
        return [one for entry in entries for one in _of_entry(entry, bodies, terms)]


def _sealed(entry: Document, bodies: Mapping[str, bytes]) -> str:
    """Name the commit of an entry if it is the one that was sealed, else nothing."""
    name = entry.get("commit")
    is_sealed = isinstance(name, str) and name in bodies and leaf_hash(bodies[name]) == entry.get("leaf")
    return str(name) if is_sealed else ""


def _of_entry(entry: Document, bodies: Mapping[str, bytes], terms: Mapping[str, ExpectedTerms]) -> Sequence[Difference]:
    key = f"position {entry['_id']}"
    try:
        name = entry["commit"]
        if name not in bodies:
            return [Difference(MODEL, key, "commit", None, name)]
        wanted, stored, expected = _wanted(entry, bodies[name], terms.get(name)), _stored(entry), terms.get(name)
        found = differences_of(MODEL, key, wanted, {field: stored[field] for field in wanted})
        return [*found, *_of_terms(key, expected, entry["terms"])] if expected is not None else found
    except MALFORMED as error:
        return [incomparable(MODEL, key, error)]


def _wanted(entry: Document, body: bytes, expected: ExpectedTerms | None) -> Document:
    """Write what must stand beside a position; of a commit that is not the sealed one only its leaf."""
    stream = str(entry["commit"]).rpartition(":")[0]
    wanted: Document = {"leaf": b64encode(leaf_hash(body)).decode(), "stream": stream, "sealed_at": _A_TIME}
    if expected is None or expected.owner is None:
        return wanted
    owner = expected.owner if is_generation(stream) else {}
    return {**wanted, **{name: owner.get(name) for name in OWNER}}


def _of_terms(key: str, expected: ExpectedTerms, stored: Sequence[str]) -> Sequence[Difference]:
    """Compare terms; what both have is left out, unless only their order differs."""
    if expected.allow(stored):
        return []
    missing, added = sorted({*expected.all} - {*stored}), sorted({*stored} - {*expected.all})
    if not missing and not added:
        missing, added = list(expected.all), list(stored)
    return [Difference(MODEL, key, "terms", missing, added)]


def _stored(entry: Document) -> dict[str, Any]:
    leaf = entry["leaf"]
    return {
        **{name: entry.get(name) for name in ("stream", *OWNER)},
        "leaf": b64encode(leaf).decode() if isinstance(leaf, bytes) else str(leaf),
        "sealed_at": _A_TIME if isinstance(entry.get("sealed_at"), datetime) else "none",
    }
