from dataclasses import dataclass, field

from domain.generation.callback import Callback, callback_of_url, callback_url


@dataclass(frozen=True, slots=True)
class CallbackUrls:
    """The signed addresses that the provider calls back; without a public URL there are none."""

    public_url: str | None
    callback_key: bytes = field(repr=False)

    def write(self, callback: Callback) -> str | None:
        """Write the address for one attempt; None without a public URL."""
        return callback_url(self.public_url, callback, self.callback_key) if self.public_url else None

    def read(self, url: str) -> Callback | None:
        """Read the attempt from an address that a provider echoes; None for any other address."""
        return callback_of_url(url, self.callback_key)
