from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from actors.providers.provider import Provider, ProviderUnavailableError

_ASK_AGAIN = timedelta(seconds=5)

log = structlog.get_logger()


class WebhookSecret:
    """The key that signs the provider's webhooks: asked for once, and again when it no longer fits."""

    def __init__(self, provider: Provider, clock: Callable[[], datetime]) -> None:
        self._provider = provider
        self._clock = clock
        self._secret: str | None = None
        self._asked_at: datetime | None = None

    async def __call__(self, *, stale: str | None = None) -> str | None:
        """Return the key; `stale` is one that did not fit. None while the provider cannot be asked."""
        if self._secret is None or (stale == self._secret and self._may_ask()):
            self._asked_at = self._clock()
            try:
                self._secret = await self._provider.webhook_secret()
            except ProviderUnavailableError as error:
                log.warning("no webhook secret", error=str(error))
        return self._secret

    def _may_ask(self) -> bool:
        """Bound what strangers with wrong signatures can make us ask."""
        return self._asked_at is None or self._clock() - self._asked_at >= _ASK_AGAIN
