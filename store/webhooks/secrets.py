"""The secrets that sign webhooks: encrypted where they are stored, decrypted where they are used."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

import structlog
from pymongo import ASCENDING

from domain.errors import ErrorCode, ExemplarError
from domain.webhooks.endpoint import is_default
from domain.webhooks.master_keys import EncryptedSecret, MasterKeys, SecretLostError
from domain.webhooks.signature import MOST_SECRETS, ROTATION_OVERLAP, SECRET_BYTES, new_secret
from store.mongo.connection import Database, Document, reachable
from store.mongo.transactions import Session

log = structlog.get_logger()


class WebhookSecrets:
    """Signing secrets in collection `webhook_secrets`: `keys`, the newest first, each with its end.

    One under an older master key is re-encrypted when used.
    """

    def __init__(self, database: Database, master_keys: MasterKeys, clock: Callable[[], datetime]) -> None:
        self._rows = database.get_collection("webhook_secrets")
        self._master_keys = master_keys
        self._clock = clock

    async def keep_first(self, endpoint: str, secret: str, session: Session | None = None) -> Document:
        """Keep a first secret unless there is one; return the row that is kept."""
        insert = {"$setOnInsert": {"keys": [self._encrypted(endpoint, secret)]}}
        kept: Document = await self._rows.find_one_and_update(
            {"_id": endpoint}, insert, upsert=True, return_document=True, session=session
        )
        return kept

    async def signing(self, endpoint: str) -> Sequence[str]:
        """Return the secrets that sign now, the newest first; a default endpoint's is made when needed.

        Raises SecretLostError when the newest cannot be decrypted; an older one that cannot is left out.
        """
        with reachable():
            row = await self._rows.find_one({"_id": endpoint})
            if row is None and is_default(endpoint):
                row = await self.keep_first(endpoint, random_secret())
        valid = _valid(row, self._clock())
        if not valid:
            raise SecretLostError(endpoint, "there is none")
        newest, *older = map(_secret, valid)
        decrypted = [await self._decrypt(endpoint, newest)]
        return decrypted + [secret for one in older if (secret := await self._readable(endpoint, one))]

    async def rotate(self, endpoint: str) -> tuple[str, datetime]:
        """Put a new secret before the valid ones; return it and when those end.

        Raises ExemplarError: `rotation_limit_exceeded` while MOST_SECRETS sign, as none may end before its
        time; `not_found` for a removed endpoint.
        """
        now, secret = self._clock(), random_secret()
        until = now + ROTATION_OVERLAP
        while True:  # again after a lost race
            with reachable():
                row = await self._rows.find_one({"_id": endpoint})
                if row is None and not is_default(endpoint):
                    raise ExemplarError(ErrorCode.NOT_FOUND)
                row = row or await self.keep_first(endpoint, random_secret())
                valid = _valid(row, now)
                readable = [key for key in valid if await self._readable(endpoint, _secret(key))]
                if len(readable) >= MOST_SECRETS:
                    raise ExemplarError(ErrorCode.ROTATION_LIMIT)
                old = [{**key, "until": key["until"] or until} for key in valid]
                keys = [self._encrypted(endpoint, secret), *old]
                swapped = await self._rows.update_one(row, {"$set": {"keys": keys}})
            if swapped.matched_count:
                return secret, until

    async def reencrypt(self) -> int:
        """Encrypt every secret with the current master key; return how many could not be decrypted."""
        lost, other = 0, {"$ne": self._master_keys.current}
        query = {"keys": {"$elemMatch": {"version": other}}}
        with reachable():
            async for row in self._rows.find(query).sort("_id", ASCENDING):
                stored = [key for key in row["keys"] if key["version"] != self._master_keys.current]
                for secret in map(_secret, stored):
                    lost += await self._readable(row["_id"], secret) is None
        return lost

    async def erase(self, endpoint: str) -> None:
        """Delete an endpoint's secrets."""
        with reachable():
            await self._rows.delete_one({"_id": endpoint})

    async def _readable(self, endpoint: str, stored: EncryptedSecret) -> str | None:
        """Decrypt a secret; None for a lost one, which is logged."""
        try:
            return await self._decrypt(endpoint, stored)
        except SecretLostError as error:
            log.critical("webhook_secret_lost", endpoint=endpoint, error=error)
            return None

    async def _decrypt(self, endpoint: str, stored: EncryptedSecret) -> str:
        secret = self._master_keys.decrypt(endpoint, stored)
        if stored.version != self._master_keys.current:
            new = self._master_keys.encrypt(endpoint, secret, secrets.token_bytes)
            fields = {f"keys.$.{name}": value for name, value in asdict(new).items()}
            with reachable():
                query = {"_id": endpoint, "keys.ciphertext": stored.ciphertext}
                await self._rows.update_one(query, {"$set": fields})
        return secret

    def _encrypted(self, endpoint: str, secret: str) -> Document:
        return {**asdict(self._master_keys.encrypt(endpoint, secret, secrets.token_bytes)), "until": None}


def random_secret() -> str:
    """Make a signing secret."""
    return new_secret(secrets.token_bytes(SECRET_BYTES))


def _valid(row: Document | None, now: datetime) -> list[Document]:
    keys = row["keys"] if row else []
    return [key for key in keys if key["until"] is None or key["until"] > now]


def _secret(key: Document) -> EncryptedSecret:
    return EncryptedSecret(key["version"], bytes(key["nonce"]), bytes(key["ciphertext"]))
