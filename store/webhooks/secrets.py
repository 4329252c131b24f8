"""The secrets that sign webhooks: encrypted where they are stored, decrypted where they are used."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime

import structlog
from pymongo import ASCENDING

from domain.webhooks.endpoint import is_default
from domain.webhooks.master_keys import EncryptedSecret, LostKeyError, MasterKeys
from domain.webhooks.signature import MOST_SECRETS, ROTATION_OVERLAP, SECRET_BYTES, new_secret
from store.errors import StoreError
from store.mongo.connection import Database, Document, reachable
from store.mongo.transactions import Session

_PAGE = 100

log = structlog.get_logger()


class SecretLostError(StoreError):
    """An endpoint's secret cannot be decrypted: rotate it, or restore its master key."""

    def __init__(self, endpoint: str, cause: str) -> None:
        super().__init__(f"the secret of {endpoint} is lost: {cause}")


class TooManySecretsError(StoreError):
    """As many secrets sign as may; the next one is possible when the oldest ends."""


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
        for stored in older:
            try:
                decrypted.append(await self._decrypt(endpoint, stored))
            except SecretLostError as error:
                log.warning("old_webhook_secret_left_out", endpoint=endpoint, error=str(error))
        return decrypted

    async def rotate(self, endpoint: str) -> tuple[str, datetime]:
        """Put a new secret before the valid ones; return it and when those end.

        Raises TooManySecretsError while MOST_SECRETS sign, because none may end before its time.
        """
        now, secret = self._clock(), random_secret()
        until = now + ROTATION_OVERLAP
        while True:  # again after a lost race
            with reachable():
                row = await self._rows.find_one({"_id": endpoint})
                row = row or await self.keep_first(endpoint, random_secret())
                valid = _valid(row, now)
                if sum(self._decrypts(endpoint, _secret(key)) for key in valid) >= MOST_SECRETS:
                    raise TooManySecretsError(f"{MOST_SECRETS} secrets of {endpoint} sign already")
                old = [{**key, "until": key["until"] or until} for key in valid]
                keys = [self._encrypted(endpoint, secret), *old]
                swapped = await self._rows.update_one(row, {"$set": {"keys": keys}})
            if swapped.matched_count:
                return secret, until

    async def reencrypt(self) -> int:
        """Encrypt every secret with the current master key; return how many could not be decrypted."""
        lost, after = 0, ""
        other = {"$ne": self._master_keys.current}
        while True:
            query = {"_id": {"$gt": after}, "keys": {"$elemMatch": {"version": other}}}
            with reachable():
                page = await self._rows.find(query).sort("_id", ASCENDING).limit(_PAGE).to_list(_PAGE)
            if not page:
                return lost
            for row in page:
                lost += await self._reencrypt(row["_id"], list(map(_secret, row["keys"])))
            after = page[-1]["_id"]

    async def erase(self, endpoint: str) -> None:
        """Delete an endpoint's secrets."""
        with reachable():
            await self._rows.delete_one({"_id": endpoint})

    async def _reencrypt(self, endpoint: str, stored: Sequence[EncryptedSecret]) -> int:
        lost = 0
        for secret in stored:
            if secret.version != self._master_keys.current:
                try:
                    await self._decrypt(endpoint, secret)
                except SecretLostError as error:
                    lost += 1
                    log.critical("webhook_secret_lost", endpoint=endpoint, error=str(error))
        return lost

    async def _decrypt(self, endpoint: str, stored: EncryptedSecret) -> str:
        try:
            secret = self._master_keys.decrypt(endpoint, stored)
        except LostKeyError as error:
            raise SecretLostError(endpoint, f"{error}") from None
        if stored.version != self._master_keys.current:
            new = self._master_keys.encrypt(endpoint, secret, secrets.token_bytes)
            fields = {f"keys.$.{name}": value for name, value in asdict(new).items()}
            with reachable():
                query = {"_id": endpoint, "keys.ciphertext": stored.ciphertext}
                await self._rows.update_one(query, {"$set": fields})
        return secret

    def _decrypts(self, endpoint: str, stored: EncryptedSecret) -> bool:
        try:
            self._master_keys.decrypt(endpoint, stored)
        except LostKeyError:
            return False
        return True

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
