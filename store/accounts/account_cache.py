"""What access decisions read of accounts, kept in memory for at most a second."""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Final

LONGEST_SECONDS: Final = 1.0
_CAPACITY = 4096


@dataclass(frozen=True, slots=True)
class _Entry:
    value: Any
    accounts: tuple[str, ...]
    read_at: float


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
        before = all(entry.read_at > self._changed.get(account, -1) for account in entry.accounts)
        return entry.value if before else None

    def keep(self, key: Hashable, value: object, *, accounts: tuple[str, ...], read_at: float) -> None:
        """Keep what was read of some accounts by a query that was sent after `read_at`."""
        self._entries.pop(key, None)
        self._entries[key] = _Entry(value, accounts, read_at)
        while len(self._entries) > _CAPACITY:
            del self._entries[next(iter(self._entries))]

    def changed(self, account: str) -> None:
        """Use nothing any more that was read of a developer or user until now."""
        now = self.monotonic()
        self._changed.pop(account, None)
        self._changed[account] = now
        while (first := next(iter(self._changed))) and self._changed[first] < now - LONGEST_SECONDS:
            del self._changed[first]
