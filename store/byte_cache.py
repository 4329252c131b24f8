import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

SECONDS = 60.0
MOST_BYTES = 16 * 2**20


class ByteCache:
    """Encoded values, each for a minute and together up to 16 MiB; the oldest are forgotten first.

    The key names everything that a value depends on: what was put under a key is not replaced. What nobody asks for is
    out of memory a minute later too: values are put on a running event loop.
    """

    def __init__(self, *, most_bytes: int = MOST_BYTES, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._bytes = 0
        self._encoded: OrderedDict[Hashable, tuple[float, bytes]] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def get(self, key: Hashable) -> bytes | None:
        """Return what was put under a key within the last minute."""
        self._drop_old()
        found = self._encoded.get(key)
        return found[1] if found is not None else None

    def get_all(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """Return what was put under some keys within the last minute; those without are left out."""
        self._drop_old()
        return {key: found[1] for key in keys if (found := self._encoded.get(key)) is not None}

    def put(self, key: Hashable, encoded: bytes) -> None:
        if key not in self._encoded:
            self._encoded[key] = (self._monotonic() + SECONDS, encoded)
            self._bytes += len(encoded)
        self._drop_old()
        if self._timer is None and self._encoded:
            self._timer = asyncio.get_running_loop().call_later(SECONDS, self._expire)

    def remove(self, key: Hashable) -> None:
        """Forget a value, if it is there."""
        found = self._encoded.pop(key, None)
        self._bytes -= len(found[1]) if found is not None else 0

    def __iter__(self) -> Iterator[Hashable]:
        return iter([*self._encoded])

    def _expire(self) -> None:
        self._timer = None
        self._drop_old()
        if self._encoded:
            wait = next(iter(self._encoded.values()))[0] - self._monotonic()
            self._timer = asyncio.get_running_loop().call_later(max(wait, 1.0), self._expire)

    def _drop_old(self) -> None:
        now = self._monotonic()
        while self._encoded and (self._bytes > self._most_bytes or next(iter(self._encoded.values()))[0] <= now):
            _, (_, encoded) = self._encoded.popitem(last=False)
            self._bytes -= len(encoded)
