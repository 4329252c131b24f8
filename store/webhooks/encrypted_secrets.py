from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from pymongo import ASCENDING

from domain.webhooks.master_keys import EncryptedSecret
from store.mongo.connection import Database, Document, reachable


class EncryptedSecrets:
    """Encrypted secrets in collection `webhook_secrets`: `keys`, the newest first, each with its end."""

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_secrets")

    async def valid(self, endpoint_id: str, now: datetime) -> Sequence[EncryptedSecret]:
        """List the secrets that sign now, the newest first."""
        with reachable():
            found = await self._rows.find_one({"_id": endpoint_id}) or {"keys": []}
        return list(map(_secret, _valid(found["keys"], now)))

    async def first(self, endpoint_id: str, secret: EncryptedSecret) -> EncryptedSecret:
        """Keep a first secret unless there is one; return the one that is kept."""
        insert = {"$setOnInsert": {"keys": [_document(secret)]}}
        with reachable():
            kept = await self._rows.find_one_and_update(
                {"_id": endpoint_id}, insert, upsert=True, return_document=True
            )
        return _secret(kept["keys"][0])

    async def rotate(
        self, endpoint_id: str, secret: EncryptedSecret, *, now: datetime, until: datetime
    ) -> None:
        """Put a new secret before the valid ones, which end at `until`; repeated after a lost race."""
        while True:
            with reachable():
                found = await self._rows.find_one({"_id": endpoint_id}) or {"keys": []}
                old = [{**key, "until": key["until"] or until} for key in _valid(found["keys"], now)]
                swapped = await self._rows.update_one(
                    {"_id": endpoint_id, "keys": found["keys"]},
                    {"$set": {"keys": [_document(secret), *old]}},
                )
            if swapped.matched_count:
                return
            await self.first(endpoint_id, secret)

    async def replace(self, endpoint_id: str, old: EncryptedSecret, new: EncryptedSecret) -> None:
        """Store a secret under another master key."""
        fields = {f"keys.$.{name}": value for name, value in asdict(new).items()}
        with reachable():
            await self._rows.update_one(
                {"_id": endpoint_id, "keys.ciphertext": old.ciphertext}, {"$set": fields}
            )

    async def under_other_keys(
        self, version: int, *, after: str, limit: int
    ) -> Sequence[tuple[str, EncryptedSecret]]:
        """List the secrets under another master key, of at most `limit` endpoints behind the id `after`."""
        query = {"_id": {"$gt": after}, "keys": {"$elemMatch": {"version": {"$ne": version}}}}
        with reachable():
            found = await self._rows.find(query).sort("_id", ASCENDING).limit(limit).to_list(limit)
        secrets = [(row["_id"], _secret(key)) for row in found for key in row["keys"]]
        return [(endpoint, secret) for endpoint, secret in secrets if secret.version != version]

    async def erase(self, endpoint_id: str) -> None:
        """Delete an endpoint's secrets."""
        with reachable():
            await self._rows.delete_one({"_id": endpoint_id})


def _valid(keys: Sequence[Document], now: datetime) -> list[Document]:
    return [key for key in keys if key["until"] is None or key["until"] > now]


def _document(secret: EncryptedSecret) -> Document:
    return {**asdict(secret), "until": None}


def _secret(key: Document) -> EncryptedSecret:
    return EncryptedSecret(key["version"], bytes(key["nonce"]), bytes(key["ciphertext"]))
