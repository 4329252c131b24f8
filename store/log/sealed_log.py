from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from events.commit import Commit


@dataclass(frozen=True, slots=True)
class SealedCommit:
    """A commit at its position, from 1."""

    position: int
    commit: Commit


class SealedLog(Protocol):
    """Seal and read the order of all commits; each stream keeps its own order."""

    async def head(self) -> int:
        """Read the last position; 0 for an empty log."""

    async def seal(self, *, limit: int = 500) -> int:
        """Give positions to commits that have none, each stream in its own order; return how many."""

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        """Read the commits behind a position, in order; [] at the end.

        A commit that cannot be read is logged and left out, so that it blocks no reader; an audit names it.
        """
