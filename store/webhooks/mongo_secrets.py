from collections.abc import Sequence
from datetime import datetime

from pymongo import ASCENDING

from domain.webhooks.master_keys import Sealed
from store.mongo.connection import Database, Document, reachable


class MongoSecrets:
    """Sealed secrets in collection `webhook_secrets`: `keys`, the newest first, each with its end."""

    def __init__(self, database: Database) -> None:
        self._secrets = database.get_collection("webhook_secrets")

    async def living(self, endpoint_id: str, now: datetime) -> Sequence[Sealed]:
        with reachable():
            found = await self._secrets.find_one({"_id": endpoint_id})
        return list(map(_sealed, _living((found or {}).get("keys", []), now)))

    async def first(self, endpoint_id: str, sealed: Sealed) -> Sealed:
        with reachable():
            kept = await self._secrets.find_one_and_update(
                {"_id": endpoint_id},
                {"$setOnInsert": {"keys": [_document(sealed)]}},
                upsert=True,
                return_document=True,
            )
        return _sealed(kept["keys"][0])

    async def rotate(self, endpoint_id: str, sealed: Sealed, *, now: datetime, until: datetime) -> None:
        """Put a new secret before the living ones, which end at `until`; repeated by whoever loses a race."""
        while True:
            with reachable():
                found = await self._secrets.find_one({"_id": endpoint_id}) or {"keys": []}
                old = [{**key, "until": key["until"] or until} for key in _living(found["keys"], now)]
                swapped = await self._secrets.update_one(
                    {"_id": endpoint_id, "keys": found["keys"]},
                    {"$set": {"keys": [_document(sealed), *old]}},
                )
            if swapped.matched_count:
                return
            await self.first(endpoint_id, sealed)

    async def reseal(self, endpoint_id: str, old: Sealed, new: Sealed) -> None:
        fields = {f"keys.$.{name}": value for name, value in _box(new).items()}
        with reachable():
            await self._secrets.update_one({"_id": endpoint_id, "keys.box": old.box}, {"$set": fields})

    async def sealed_otherwise(self, version: int, *, after: str, limit: int) -> Sequence[tuple[str, Sealed]]:
        query = {"_id": {"$gt": after}, "keys": {"$elemMatch": {"version": {"$ne": version}}}}
        with reachable():
            found = await self._secrets.find(query).sort("_id", ASCENDING).limit(limit).to_list(limit)
        return [
            (one["_id"], sealed)
            for one in found
            for sealed in map(_sealed, one["keys"])
            if sealed.version != version
        ]

    async def erase(self, endpoint_id: str) -> None:
        with reachable():
            await self._secrets.delete_one({"_id": endpoint_id})


def _living(keys: Sequence[Document], now: datetime) -> list[Document]:
    return [key for key in keys if key["until"] is None or key["until"] > now]


def _document(sealed: Sealed) -> Document:
    return {**_box(sealed), "until": None}


def _box(sealed: Sealed) -> Document:
    return {"version": sealed.version, "nonce": sealed.nonce, "box": sealed.box}


def _sealed(key: Document) -> Sealed:
    """Read a sealed secret; one of before they were sealed opens under no key."""
    return Sealed(key.get("version", 0), bytes(key.get("nonce", b"")), bytes(key.get("box", b"")))
