import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.errors import DuplicateKeyError

from store.generations.personal_data import ProviderWords, Words
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, reachable


class MongoWords:
    """Words in collection `words`, `_id` = generation/token."""

    def __init__(self, database: Database) -> None:
        self._words = database.get_collection("words")
        self._reads: Batcher[str, Document | None] = Batcher(self._find)

    async def ensure_indexes(self) -> None:
        """Create what the queries need; repeatable."""
        await self._words.create_index([("generation", ASCENDING)])
        await self._words.create_index(
            [("created_at", ASCENDING)], partialFilterExpression={"unconfirmed": True}
        )

    async def put(self, words: Words) -> None:
        with reachable():
            try:
                await self._words.insert_one(_document(words))
            except DuplicateKeyError:
                return

    async def get(self, generation: str, token: str) -> Words | None:
        with reachable():
            document = await self._reads.put(f"{generation}/{token}")
        return _words(document) if document else None

    async def metadata(self, names: Sequence[tuple[str, str]]) -> Mapping[str, Mapping[str, Any]]:
        query = {"_id": {"$in": [f"{generation}/{token}" for generation, token in names]}}
        with reachable():
            found = await self._words.find(query, {"generation": 1, "metadata": 1}).to_list(None)
        return {one["generation"]: json.loads(one["metadata"]) for one in found if one["metadata"]}

    async def put_model_input(self, generation: str, token: str, model_input: Mapping[str, Any]) -> None:
        await self._set(generation, token, {"model_input": _text(model_input)})

    async def put_provider(self, generation: str, token: str, said: ProviderWords) -> None:
        value = _text({"outputs": list(said.outputs), "error": said.error})
        await self._set(generation, token, {f"provider.{said.prediction}": value})

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        query = {"generation": generation} | ({"token": token} if token else {})
        with reachable():
            await self._words.delete_many(query)

    async def confirm(self, generation: str, token: str) -> None:
        with reachable():
            await self._words.update_one({"_id": f"{generation}/{token}"}, {"$unset": {"unconfirmed": ""}})

    async def unconfirmed_before(self, moment: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
        query = {"unconfirmed": True, "created_at": {"$lt": moment}}
        with reachable():
            found = (
                self._words.find(query, {"generation": 1, "token": 1})
                .sort("created_at", ASCENDING)
                .limit(limit)
            )
            documents = await found.to_list(limit)
        return [(document["generation"], document["token"]) for document in documents]

    async def _find(self, ids: Sequence[str]) -> Sequence[Document | None]:
        found = await self._words.find({"_id": {"$in": list(set(ids))}}).to_list(None)
        documents = {document["_id"]: document for document in found}
        return [documents.get(name) for name in ids]

    async def _set(self, generation: str, token: str, fields: Document) -> None:
        with reachable():
            await self._words.update_one({"_id": f"{generation}/{token}"}, {"$set": fields})


def _document(words: Words) -> Document:
    return {
        "_id": f"{words.generation}/{words.token}",
        "generation": words.generation,
        "token": words.token,
        "salt": words.salt,
        "instructions": words.instructions,
        "file_names": list(words.file_names),
        "created_at": words.created_at,
        "metadata": _text(words.metadata) if words.metadata is not None else None,
        "webhook": words.webhook,
        "idempotency_key": words.idempotency_key,
        "model_input": _text(words.model_input) if words.model_input is not None else None,
        "provider": {prediction: _text(said) for prediction, said in words.provider.items()},
        "unconfirmed": True,
    }


def _words(document: Document) -> Words:
    fields = {name: value for name, value in document.items() if name not in ("_id", "unconfirmed")}
    fields |= {name: json.loads(fields[name]) for name in ("metadata", "model_input") if fields[name]}
    fields["provider"] = {name: json.loads(said) for name, said in fields["provider"].items()}
    return Words(**{**fields, "file_names": tuple(document["file_names"]), "salt": bytes(document["salt"])})


def _text(value: Mapping[str, Any]) -> str:
    """Write strangers' JSON as text: as BSON some of its keys, strings and whole numbers would be refused."""
    return json.dumps(value)
