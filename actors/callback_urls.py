from collections.abc import Sequence
from dataclasses import dataclass, field

from actors.providers.provider import Provider
from domain.generation.callback import Callback, callback_of_url, callback_url


@dataclass(frozen=True, slots=True)
class CallbackUrls:
    """The signed addresses that the provider calls back; without a public URL there are none."""

    public_url: str | None
    callback_keys: Sequence[bytes] = field(repr=False)
    provider: Provider

    def write(self, callback: Callback) -> str | None:
        """Write the address for one attempt; None without a public URL."""
        if not self.public_url:
            return None
        return callback_url(self.public_url, callback, self.callback_keys, provider=self.provider.name)

    def read(self, url: str) -> Callback | None:
        """Read the attempt from an address that a provider echoes; None for any other address."""
        return callback_of_url(url, self.callback_keys)
