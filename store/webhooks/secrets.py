"""The secrets that sign webhooks: encrypted where they are stored, decrypted where they are used."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from domain.webhooks.endpoint import is_default
from domain.webhooks.master_keys import EncryptedSecret, LostKeyError, MasterKeys
from domain.webhooks.signature import MOST_SECRETS, ROTATION_OVERLAP, SECRET_BYTES, new_secret
from store.errors import StoreError
from store.webhooks.encrypted_secrets import EncryptedSecrets

_PAGE = 100

log = structlog.get_logger()


class SecretLostError(StoreError):
    """An endpoint's secret cannot be decrypted: rotate it, or restore its master key."""

    def __init__(self, endpoint: str, version: int | None) -> None:
        cause = "there is none" if version is None else f"master key {version} does not decrypt it"
        super().__init__(f"the secret of {endpoint} is lost: {cause}")
        self.endpoint = endpoint


class TooManySecretsError(StoreError):
    """As many secrets sign as may; the next one is possible when the oldest ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSecrets:
    """Make, read and rotate signing secrets; one under an older master key is re-encrypted when used."""

    encrypted_secrets: EncryptedSecrets
    master_keys: MasterKeys
    clock: Callable[[], datetime]

    async def create(self, endpoint: str) -> str:
        """Make and keep the first secret of an endpoint; return it."""
        secret = _random_secret()
        await self.encrypted_secrets.first(endpoint, self._encrypt(endpoint, secret))
        return secret

    async def signing(self, endpoint: str) -> Sequence[str]:
        """Return the secrets that sign now, the newest first; a default endpoint's is made when needed.

        Raises SecretLostError when the newest cannot be decrypted; an older one that cannot is left out.
        """
        valid = await self.encrypted_secrets.valid(endpoint, self.clock())
        if not valid:
            if not is_default(endpoint):
                raise SecretLostError(endpoint, None)
            valid = [await self._first(endpoint)]
        newest, *older = valid
        decrypted = [await self._decrypt(endpoint, newest)]
        for stored in older:
            try:
                decrypted.append(await self._decrypt(endpoint, stored))
            except SecretLostError as error:
                log.warning("old_webhook_secret_left_out", endpoint=endpoint, error=str(error))
        return decrypted

    async def rotate(self, endpoint: str) -> tuple[str, datetime]:
        """Put a new secret before the valid ones; return it and when those end.

        Raises TooManySecretsError while MOST_SECRETS sign, because none may end before its time. Simultaneous
        rotations may exceed the limit by one, which is harmless.
        """
        now, secret = self.clock(), _random_secret()
        until, valid = now + ROTATION_OVERLAP, await self.encrypted_secrets.valid(endpoint, now)
        if sum(self._decrypts(endpoint, stored) for stored in valid) >= MOST_SECRETS:
            raise TooManySecretsError(f"{MOST_SECRETS} secrets of {endpoint} sign already")
        if is_default(endpoint) and not valid:
            await self._first(endpoint)
        await self.encrypted_secrets.rotate(endpoint, self._encrypt(endpoint, secret), now=now, until=until)
        return secret, until

    async def reencrypt(self) -> int:
        """Encrypt every secret with the current master key; return how many could not be decrypted."""
        lost, after = 0, ""
        current = self.master_keys.current
        while page := await self.encrypted_secrets.under_other_keys(current, after=after, limit=_PAGE):
            for endpoint, stored in page:
                try:
                    await self._decrypt(endpoint, stored)
                except SecretLostError as error:
                    lost += 1
                    log.critical("webhook_secret_lost", endpoint=endpoint, error=str(error))
            after = page[-1][0]
        return lost

    async def erase(self, endpoint: str) -> None:
        """Delete an endpoint's secrets."""
        await self.encrypted_secrets.erase(endpoint)

    async def _first(self, endpoint: str) -> EncryptedSecret:
        return await self.encrypted_secrets.first(endpoint, self._encrypt(endpoint, _random_secret()))

    async def _decrypt(self, endpoint: str, stored: EncryptedSecret) -> str:
        try:
            secret = self.master_keys.decrypt(endpoint, stored)
        except LostKeyError as error:
            raise SecretLostError(endpoint, error.version) from None
        if stored.version != self.master_keys.current:
            await self.encrypted_secrets.replace(endpoint, stored, self._encrypt(endpoint, secret))
        return secret

    def _decrypts(self, endpoint: str, stored: EncryptedSecret) -> bool:
        try:
            self.master_keys.decrypt(endpoint, stored)
        except LostKeyError:
            return False
        return True

    def _encrypt(self, endpoint: str, secret: str) -> EncryptedSecret:
        return self.master_keys.encrypt(endpoint, secret, secrets.token_bytes)


def _random_secret() -> str:
    return new_secret(secrets.token_bytes(SECRET_BYTES))
