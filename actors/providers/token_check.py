import asyncio
from typing import Final, Self

import structlog

from actors.providers.provider import Provider, ProviderUnavailableError

_ANSWER_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 60.0
_ACCEPTED_SECONDS: Final = 300.0

log = structlog.get_logger()


class TokenCheck:
    """Ask the provider whether it accepts the token, when a process starts and every few minutes, by a free request.

    A revoked token is found before a customer meets it. The provider keeps what it said (`token_accepted`).
    """

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
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
            log.warning("token_not_checked", reason=str(error) or type(error).__name__)

    async def _ask_again(self) -> None:
        while True:
            await asyncio.sleep(_ACCEPTED_SECONDS if self._provider.token_accepted else _AGAIN_SECONDS)
            await self.ask()
