import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from pymongo import ASCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from store.generations.personal_data import PersonalData, ProviderTexts
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, reachable


class MongoPersonalData:
    """Words in collection `words`, `_id` = generation/token."""

    indexes: ClassVar[Indexes] = {
        "personal_data": [
            IndexModel("generation"),
            IndexModel("created_at", partialFilterExpression={"unconfirmed": True}),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._personal_data = database.get_collection("personal_data")
        self._reads: Batcher[str, Document | None] = Batcher(self._find)

    async def put(self, personal_data: PersonalData) -> None:
        with reachable():
            try:
                await self._personal_data.insert_one(_document(personal_data))
            except DuplicateKeyError:
                return

    async def get(self, generation: str, token: str) -> PersonalData | None:
        with reachable():
            document = await self._reads.put(f"{generation}/{token}")
        return _personal_data(document) if document else None

    async def metadata(self, names: Sequence[tuple[str, str]]) -> Mapping[str, Mapping[str, Any]]:
        query = {"_id": {"$in": [f"{generation}/{token}" for generation, token in names]}}
        with reachable():
            found = await self._personal_data.find(query, {"generation": 1, "metadata": 1}).to_list(None)
        return {one["generation"]: json.loads(one["metadata"]) for one in found if one["metadata"]}

    async def put_model_input(self, generation: str, token: str, model_input: Mapping[str, Any]) -> None:
        await self._set(generation, token, {"model_input": _text(model_input)})

    async def put_provider(self, generation: str, token: str, said: ProviderTexts) -> None:
        value = _text({"outputs": list(said.outputs), "error": said.error})
        await self._set(generation, token, {f"provider.{said.prediction}": value})

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        query = {"generation": generation} | ({"token": token} if token else {})
        with reachable():
            await self._personal_data.delete_many(query)

    async def confirm(self, generation: str, token: str) -> None:
        with reachable():
            await self._personal_data.update_one(
                {"_id": f"{generation}/{token}"}, {"$unset": {"unconfirmed": ""}}
            )

    async def unconfirmed_before(self, moment: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
        query = {"unconfirmed": True, "created_at": {"$lt": moment}}
        with reachable():
            found = (
                self._personal_data.find(query, {"generation": 1, "token": 1})
                .sort("created_at", ASCENDING)
                .limit(limit)
            )
            documents = await found.to_list(limit)
        return [(document["generation"], document["token"]) for document in documents]

    async def _find(self, ids: Sequence[str]) -> Sequence[Document | None]:
        found = await self._personal_data.find({"_id": {"$in": list(set(ids))}}).to_list(None)
        documents = {document["_id"]: document for document in found}
        return [documents.get(name) for name in ids]

    async def _set(self, generation: str, token: str, fields: Document) -> None:
        with reachable():
            await self._personal_data.update_one({"_id": f"{generation}/{token}"}, {"$set": fields})


def _document(personal_data: PersonalData) -> Document:
    return {
        "_id": f"{personal_data.generation}/{personal_data.token}",
        "generation": personal_data.generation,
        "token": personal_data.token,
        "salt": personal_data.salt,
        "instructions": personal_data.instructions,
        "file_names": list(personal_data.file_names),
        "created_at": personal_data.created_at,
        "metadata": _text(personal_data.metadata) if personal_data.metadata is not None else None,
        "webhook": personal_data.webhook,
        "idempotency_key": personal_data.idempotency_key,
        "model_input": _text(personal_data.model_input) if personal_data.model_input is not None else None,
        "provider": {prediction: _text(said) for prediction, said in personal_data.provider.items()},
        "unconfirmed": True,
    }


def _personal_data(document: Document) -> PersonalData:
    fields = {name: value for name, value in document.items() if name not in ("_id", "unconfirmed")}
    fields |= {name: json.loads(fields[name]) for name in ("metadata", "model_input") if fields[name]}
    fields["provider"] = {name: json.loads(said) for name, said in fields["provider"].items()}
    return PersonalData(
        **{**fields, "file_names": tuple(document["file_names"]), "salt": bytes(document["salt"])}
    )


def _text(value: Mapping[str, Any]) -> str:
    """Write strangers' JSON as text: as BSON some of its keys, strings and whole numbers would be refused."""
    return json.dumps(value)
