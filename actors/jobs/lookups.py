from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

Attempt = tuple[str, int]
"""A generation's id and the number of an attempt."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """How often something was looked for in vain, and since when by the clock of this process."""

    count: int
    since: datetime


class LookupCounts:
    """Count the lookups for each attempt. Kept in memory only: a restart looks longer, never shorter."""

    def __init__(self) -> None:
        self._counts: dict[Attempt, Lookups] = {}

    def add(self, attempt: Attempt, now: datetime) -> Lookups:
        """Count one more lookup."""
        before = self._counts.get(attempt, Lookups(0, now))
        self._counts[attempt] = Lookups(before.count + 1, before.since)
        return self._counts[attempt]

    def forget(self, attempt: Attempt) -> None:
        """Drop an attempt that was found or given up."""
        self._counts.pop(attempt, None)

    def keep_only(self, attempts: Collection[Attempt]) -> None:
        """Drop every other attempt."""
        self._counts = {key: value for key, value in self._counts.items() if key in attempts}
