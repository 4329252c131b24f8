from collections.abc import Callable

import structlog

from actors.providers.provider import Provider, ProviderUnavailableError

_READ_AGAIN_SECONDS = 5

log = structlog.get_logger()


class WebhookSecret:
    """The key that signs the provider's webhooks: read once, and again when it no longer matches."""

    def __init__(self, provider: Provider, monotonic: Callable[[], float]) -> None:
        self._provider = provider
        self._monotonic = monotonic
        self._secret: str | None = None
        self._read_at: float | None = None

    async def __call__(self, *, stale: str | None = None) -> str | None:
        """Return the key; `stale` is one that did not match. None while the provider is unavailable."""
        if self._secret is None or (stale == self._secret and self._may_read()):
            self._read_at = self._monotonic()
            try:
                self._secret = await self._provider.webhook_secret()
            except ProviderUnavailableError as error:
                log.warning("provider_secret_unavailable", error=error)
        return self._secret

    def _may_read(self) -> bool:
        """Limit the requests that wrong signatures can cause."""
        return self._read_at is None or self._monotonic() - self._read_at >= _READ_AGAIN_SECONDS
