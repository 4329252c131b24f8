from dataclasses import dataclass

_MOST_ATTEMPTS = 20_000

Attempt = tuple[str, int]
"""A generation's id and the number of an attempt."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """How often something was looked for in vain, and since when on the monotonic clock of this process."""

    count: int
    since: float


class LookupCounts:
    """Count the lookups for each attempt. Kept in memory only: a restart looks longer, never shorter."""

    def __init__(self) -> None:
        self._counts: dict[Attempt, Lookups] = {}

    def add(self, attempt: Attempt, asked: float) -> Lookups:
        """Count one more lookup, which began at `asked` on the monotonic clock."""
        if len(self._counts) >= _MOST_ATTEMPTS and attempt not in self._counts:
            self._counts.clear()
        before = self._counts.get(attempt, Lookups(0, asked))
        self._counts[attempt] = Lookups(before.count + 1, before.since)
        return self._counts[attempt]

    def forget(self, attempt: Attempt) -> None:
        """Drop an attempt that was found or given up."""
        self._counts.pop(attempt, None)
