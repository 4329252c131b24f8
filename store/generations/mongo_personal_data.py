import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, TypeVar

import structlog
from pymongo import ASCENDING, IndexModel
from pymongo.read_concern import ReadConcern

from domain.generation.digests import answer_digest
from domain.generation.generation import stream_of
from store.byte_cache import ByteCache
from store.generations.personal_data import ClientTexts, PersonalData, ProviderTexts, Stored, Unconfirmed
from store.mongo.batcher import Batcher
from store.mongo.connection import Cursor, Database, Document, Indexes, raises_unavailable
from store.mongo.finding import find_few
from store.mongo.provisional import ProvisionalWrites

Listed = TypeVar("Listed")

log = structlog.get_logger()

_FIRST_DATE = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTS = {"instructions": 1, "metadata": 1}


@raises_unavailable
class MongoPersonalData:
    """Personal data in collection `personal_data`; `_id` is `<generation>/<token>`.

    What clients wrote never changes, nor does the salt: this process keeps them for a minute, unless it erases them
    itself.
    """

    indexes: ClassVar[Indexes] = {
        "personal_data": [
            IndexModel("generation"),
            IndexModel([("created_at", ASCENDING), ("_id", ASCENDING)], partialFilterExpression={"unconfirmed": True}),
            IndexModel([("created_at", ASCENDING), ("generation", ASCENDING)]),
        ]
    }

    def __init__(self, database: Database, provisional: ProvisionalWrites | None = None) -> None:
        self._documents = database.get_collection("personal_data", read_concern=ReadConcern("local"))
        self._provisional = provisional or ProvisionalWrites(database)
        self._reads: Batcher[str, Document | None] = Batcher(self._find)
        self._texts: Batcher[str, Document | None] = Batcher(partial(self._find, fields=_TEXTS))
        self._answers: Batcher[str, Document | None] = Batcher(partial(self._find, fields={"salt": 1, "provider": 1}))
        self._kept = ByteCache()
        self._salts = ByteCache()
        self._erasures = 0

    async def put(self, personal_data: PersonalData) -> None:
        document = _document(personal_data)
        command = {"insert": self._documents.name, "documents": [document]}
        size = len(personal_data.instructions) + len(document["metadata"] or "")
        await self._provisional.write(
            stream_of(personal_data.generation), command, size=size, tags=[personal_data.token]
        )
        self._keep(document, self._erasures)
        self._salts.put(document["_id"], personal_data.salt)

    async def get(self, generation: str, token: str) -> PersonalData | None:
        erasures = self._erasures
        document = await self._reads.put(f"{generation}/{token}")
        if document is None:
            return None
        self._keep(document, erasures)
        return _personal_data(document)

    async def texts(self, names: Sequence[tuple[str, str]], *, anew: bool = False) -> Mapping[str, ClientTexts]:
        found = await asyncio.gather(*(self._text(f"{generation}/{token}", anew) for generation, token in names))
        texts = zip((generation for generation, _ in names), found, strict=True)
        return {generation: one for generation, one in texts if one is not None}

    async def with_webhook(self, generations: Sequence[str]) -> Sequence[str]:
        query = {"generation": {"$in": list(generations)}, "webhook": {"$type": "string"}}
        return [one["generation"] for one in await self._documents.find(query, {"generation": 1}).to_list(None)]

    async def put_provider(self, generation: str, token: str, texts: ProviderTexts) -> str | None:
        name, value, kept = f"{generation}/{token}", _json(texts.kept), f"provider.{texts.prediction}"
        update = {"q": {"_id": name, kept: {"$exists": False}}, "u": {"$set": {kept: value}}}
        command = {"update": self._documents.name, "updates": [update]}
        stream, tags = stream_of(generation), (token, texts.prediction)
        answer = await self._provisional.write(stream, command, size=len(value), tags=tags)
        if answer.get("nModified") == 1 and (salt := self._salts.get(name)) is not None:  # no other answer was there
            return answer_digest(salt, texts.kept)
        found = await self._answers.put(name)  # behind the write: another observer may have been the first
        if found is None:  # erased: no commit is to follow
            self._provisional.forget(stream, *tags)
            return None
        first = found.get("provider", {}).get(texts.prediction)
        return answer_digest(bytes(found["salt"]), json.loads(first)) if first else None

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        self._provisional.forget(stream_of(generation), *([token] if token else []))
        query = {"generation": generation} | ({"token": token} if token else {})
        await self._documents.delete_many(query)
        self._discard({generation}, token)

    async def erase_all(self, generations: Sequence[str]) -> None:
        await self._documents.delete_many({"generation": {"$in": list(generations)}})
        self._discard(set(generations))

    async def created_before(self, moment: datetime, *, after: Stored | None, limit: int) -> Sequence[Stored]:
        query: Document = {"created_at": {"$lt": moment}}
        if after is not None:
            same = {"created_at": after.created_at, "generation": {"$gt": after.generation}}
            query["$or"] = [{"created_at": {"$gt": after.created_at}}, same]
        found = self._documents.find(query, {"_id": 0, "created_at": 1, "generation": 1})
        order = [("created_at", ASCENDING), ("generation", ASCENDING)]
        return await _whole(found.sort(order), Stored, ("created_at", "generation"), limit)

    async def date_undated(self, now: datetime) -> int:
        undated = {"created_at": {"$not": {"$gte": _FIRST_DATE}}}
        changed = await self._documents.update_many(undated, {"$set": {"created_at": now}})
        if changed.modified_count:
            log.warning("personal_data_undated", count=changed.modified_count)
        return changed.modified_count

    async def confirm(self, names: Sequence[tuple[str, str]]) -> None:
        ids = [f"{generation}/{token}" for generation, token in names]
        await self._documents.update_many({"_id": {"$in": ids}}, {"$unset": {"unconfirmed": ""}})

    async def unconfirmed_before(
        self, moment: datetime, *, limit: int, after: Unconfirmed | None = None
    ) -> Sequence[Unconfirmed]:
        query: Document = {"unconfirmed": True, "created_at": {"$lt": moment}}
        if after is not None:
            later = {"created_at": {"$gt": after.created_at}}
            same = {"created_at": after.created_at, "_id": {"$gt": f"{after.generation}/{after.token}"}}
            query = {"$and": [query, {"created_at": {"$gte": after.created_at}}, {"$or": [later, same]}]}
        found = self._documents.find(query, dict.fromkeys(Unconfirmed._fields, 1))
        order = [("created_at", ASCENDING), ("_id", ASCENDING)]
        return await _whole(found.sort(order), Unconfirmed, Unconfirmed._fields, limit)

    async def _text(self, name: str, anew: bool) -> ClientTexts | None:
        if not anew and (encoded := self._kept.get(name)) is not None:
            return ClientTexts(**json.loads(encoded))
        erasures = self._erasures
        document = await self._texts.put(name)
        return self._keep(document, erasures) if document is not None else None

    def _keep(self, document: Document, erasures: int) -> ClientTexts | None:
        """Keep the texts of a document, unless something was erased while it was read."""
        texts = _texts(document)
        if texts is not None and erasures == self._erasures:
            kept = {"instructions": texts.instructions, "metadata": texts.metadata}
            self._kept.put(document["_id"], json.dumps(kept).encode())
        return texts

    def _discard(self, generations: Collection[str], token: str | None = None) -> None:
        self._erasures += 1
        for cache in (self._kept, self._salts):
            for name in cache:
                generation, _, named = str(name).partition("/")
                if generation in generations and token in (None, named):
                    cache.remove(name)

    async def _find(self, ids: Sequence[str], *, fields: Document | None = None) -> Sequence[Document | None]:
        found = await find_few(self._documents, {"_id": {"$in": list(set(ids))}}, fields)
        documents = {document["_id"]: document for document in found}
        return [documents.get(name) for name in ids]


async def _whole(found: Cursor, kind: Callable[..., Listed], names: Sequence[str], limit: int) -> list[Listed]:
    """Read documents up to a limit; log those that lack a field, and leave them out."""
    listed = list[Listed]()
    async with found.batch_size(limit):
        async for document in found:
            created_at, *ids = (document.get(name) for name in names)
            if all(isinstance(one, str) for one in ids):
                listed.append(kind(created_at, *ids))
            else:
                log.warning("personal_data_damaged", id=document.get("_id"), created_at=str(created_at))
            if len(listed) == limit:
                break
    return listed


def _texts(document: Document) -> ClientTexts | None:
    """Read what a client wrote; log what is damaged, and leave it out."""
    try:
        return ClientTexts(document["instructions"], json.loads(document["metadata"] or "{}"))
    except (ValueError, KeyError, TypeError) as error:
        log.warning("personal_data_damaged", id=document["_id"], error=type(error).__name__)
        return None


def _document(personal_data: PersonalData) -> Document:
    fields = {field.name: getattr(personal_data, field.name) for field in dataclass_fields(personal_data)}
    return {
        **fields,
        "metadata": _json(personal_data.metadata) if personal_data.metadata is not None else None,
        "_id": f"{personal_data.generation}/{personal_data.token}",
        "provider": {prediction: _json(texts) for prediction, texts in personal_data.provider.items()},
        "unconfirmed": True,
    }


def _personal_data(document: Document) -> PersonalData:
    fields = {name: value for name, value in document.items() if name not in ("_id", "unconfirmed")}
    fields["metadata"] = json.loads(fields["metadata"]) if fields["metadata"] else fields["metadata"]
    fields["provider"] = {name: json.loads(texts) for name, texts in fields["provider"].items()}
    names, salt = tuple(document["file_names"]), bytes(document["salt"])
    return PersonalData(**{**fields, "file_names": names, "salt": salt})


def _json(value: Mapping[str, Any]) -> str:
    """Write clients' JSON as text: BSON refuses some keys, strings and whole numbers."""
    return json.dumps(value)
