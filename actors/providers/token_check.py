import asyncio
from itertools import count
from typing import Final, Self

import structlog

from actors.providers.provider import Provider, ProviderUnavailableError
from store.errors import StoreError
from store.leases.pauses import Pause, Pauses, refused_token

_ANSWER_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 60.0
_ACCEPTED_MINUTES: Final = 5
_TOLD_SECONDS: Final = 90.0  # longer than until the next time

log = structlog.get_logger()


class TokenCheck:
    """Ask the provider whether it accepts the token, when a process starts and every few minutes, by a free request.

    A revoked token is found before a customer meets it. The provider keeps what it said (`token_accepted`); a refusal
    is told to operators of all processes (`refused_token`).
    """

    def __init__(self, provider: Provider, pauses: Pauses) -> None:
        self._provider = provider
        self._pauses = pauses
        self._watch: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Wait for the first answer, five seconds at most: a provider that cannot be reached refuses nothing."""
        await self.ask()
        self._watch = asyncio.create_task(self._ask_again(), name="token_check")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait({self._watch})

    async def ask(self) -> None:
        """Ask once; never raises for what the provider does."""
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._provider.check_token()
        except (ProviderUnavailableError, TimeoutError) as error:
            log.warning("token_not_checked", reason=error)
        if self._provider.token_accepted is False:
            await self._tell()

    async def _tell(self) -> None:
        try:
            told = Pause("provider_unauthorized", _TOLD_SECONDS)
            await self._pauses.begin(refused_token(self._provider.name), told)
        except StoreError as error:
            log.warning("token_refusal_not_shared", error=error)

    async def _ask_again(self) -> None:
        for minute in count(1):
            await asyncio.sleep(_AGAIN_SECONDS)
            if not self._provider.token_accepted or minute % _ACCEPTED_MINUTES == 0:
                await self.ask()
