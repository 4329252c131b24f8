"""What access decisions read of accounts, kept in memory for at most a second."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

LONGEST_SECONDS: Final = 1.0
_AGING_SECONDS: Final = LONGEST_SECONDS / 2
_IN_USE_SECONDS: Final = 2 * LONGEST_SECONDS  # what was read together expires together, and is asked for again
_CAPACITY = 4096

Key = TypeVar("Key", bound=Hashable)


@dataclass(slots=True)
class _Entry:
    value: Any
    accounts: tuple[str, ...]
    read_at: float
    used: bool = False


@dataclass(slots=True)
class AccountCache:
    """Keep what was read, with the time before its query was sent, on a monotonic clock.

    A change that is made in this process excludes at once all that was read of the account before it; a change
    that another process makes is seen after a second at the latest.
    """

    monotonic: Callable[[], float] = time.monotonic
    _entries: dict[Hashable, _Entry] = field(default_factory=dict, init=False)
    _changed: dict[str, float] = field(default_factory=dict, init=False)

    def find(self, key: Hashable) -> Any:
        """Return what was kept; None when there is nothing, or nothing that may be used any more."""
        entry = self._entries.get(key)
        if entry is None or entry.read_at < self.monotonic() - LONGEST_SECONDS:
            return None
        if any(entry.read_at <= self._changed.get(account, -1) for account in entry.accounts):
            return None
        entry.used = True
        return entry.value

    def aging(self, kind: type[Key], most: int) -> list[Key]:
        """Choose keys of a kind whose entries were used since they were read, half of their time to twice it ago.

        Reading them again together with another costs no request of its own.
        """
        now = self.monotonic()
        aging = list[Key]()
        for key, entry in self._entries.items():  # the oldest first
            if entry.read_at > now - _AGING_SECONDS or len(aging) == most:
                break
            if isinstance(key, kind) and entry.used and entry.read_at >= now - _IN_USE_SECONDS:
                aging.append(key)
        return aging

    def keep(self, key: Hashable, value: object, *, accounts: tuple[str, ...], read_at: float) -> None:
        """Keep what was read of some accounts by a query that was sent after `read_at`."""
        self._entries.pop(key, None)
        self._entries[key] = _Entry(value, accounts, read_at)
        limit = self.monotonic() - LONGEST_SECONDS
        while (oldest := next(iter(self._entries))) != key:
            if len(self._entries) <= _CAPACITY and self._entries[oldest].read_at >= limit:
                break
            del self._entries[oldest]

    def changed(self, account: str) -> None:
        """Use nothing any more that was read of a developer or user until now."""
        now = self.monotonic()
        self._changed.pop(account, None)
        self._changed[account] = now
        while (first := next(iter(self._changed))) and self._changed[first] < now - LONGEST_SECONDS:
            del self._changed[first]
