"""The secrets that sign webhooks: sealed where they are kept, opened where they are used."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog

from domain.webhooks.delivery import MOST_SECRETS, SECRET_BYTES, new_secret
from domain.webhooks.endpoint import is_default
from domain.webhooks.master_keys import LostKeyError, MasterKeys, Sealed
from store.errors import StoreError
from store.webhooks.endpoints import SecretStore

_PAGE = 100

log = structlog.get_logger()


class SecretLostError(StoreError):
    """An endpoint's secret cannot be read: rotate it, or bring its master key back."""

    def __init__(self, endpoint: str, version: int | None) -> None:
        key = "there is none" if version is None else f"master key {version} does not open it"
        super().__init__(f"the secret of {endpoint} is lost: {key}")
        self.endpoint = endpoint


class TooManySecretsError(StoreError):
    """As many secrets sign as may; the next has its place when the oldest ends."""


class Secrets:
    """Make, read and rotate secrets. What an older master key sealed moves to the present one when used."""

    def __init__(
        self,
        kept: SecretStore,
        keys: MasterKeys,
        *,
        randomness: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self._kept = kept
        self._keys = keys
        self._randomness = randomness

    def mint(self) -> str:
        """Make a signing secret."""
        return new_secret(self._randomness(SECRET_BYTES))

    async def keep(self, endpoint: str, secret: str) -> None:
        """Keep the first secret of an endpoint, unless it has one."""
        await self._kept.first(endpoint, self._seal(endpoint, secret))

    async def signing(self, endpoint: str, now: datetime) -> Sequence[str]:
        """Read what signs now, the newest first; a project's default one is made when needed.

        SecretLostError when the newest cannot be read; an older one that cannot is left out.
        """
        living = await self._kept.living(endpoint, now)
        if not living:
            if not is_default(endpoint):
                raise SecretLostError(endpoint, None)
            living = [await self._kept.first(endpoint, self._seal(endpoint, self.mint()))]
        newest, *older = living
        opened = [await self._open(endpoint, newest)]
        for sealed in older:
            try:
                opened.append(await self._open(endpoint, sealed))
            except SecretLostError as error:
                log.warning("old webhook secret left out", endpoint=endpoint, error=str(error))
        return opened

    async def rotate(self, endpoint: str, *, now: datetime, until: datetime) -> str:
        """Put a new secret before the living ones, which end at a moment; lost ones are no hindrance.

        TooManySecretsError while MOST_SECRETS sign: none may end before its moment. Who rotates several times
        at once may get one more, which harms nobody.
        """
        secret, living = self.mint(), await self._kept.living(endpoint, now)
        if sum(self._opens(endpoint, sealed) for sealed in living) >= MOST_SECRETS:
            raise TooManySecretsError(f"{MOST_SECRETS} secrets of {endpoint} sign already")
        if is_default(endpoint) and not living:
            await self._kept.first(endpoint, self._seal(endpoint, self.mint()))
        await self._kept.rotate(endpoint, self._seal(endpoint, secret), now=now, until=until)
        return secret

    async def reseal(self) -> int:
        """Move every secret to the present master key; return how many could not be read."""
        lost, after = 0, ""
        while page := await self._kept.sealed_otherwise(self._keys.current, after=after, limit=_PAGE):
            for endpoint, sealed in page:
                try:
                    await self._open(endpoint, sealed)
                except SecretLostError as error:
                    lost += 1
                    log.critical("webhook secret lost", endpoint=endpoint, error=str(error))
            after = page[-1][0]
        return lost

    async def erase(self, endpoint: str) -> None:
        """Forget an endpoint's secrets."""
        await self._kept.erase(endpoint)

    async def _open(self, endpoint: str, sealed: Sealed) -> str:
        try:
            secret = self._keys.open(endpoint, sealed)
        except LostKeyError as error:
            raise SecretLostError(endpoint, error.version) from None
        if sealed.version != self._keys.current:
            await self._kept.reseal(endpoint, sealed, self._seal(endpoint, secret))
        return secret

    def _opens(self, endpoint: str, sealed: Sealed) -> bool:
        try:
            self._keys.open(endpoint, sealed)
        except LostKeyError:
            return False
        return True

    def _seal(self, endpoint: str, secret: str) -> Sealed:
        return self._keys.seal(endpoint, secret, self._randomness)
