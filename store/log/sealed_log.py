from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from events.commit import Commit


@dataclass(frozen=True, slots=True)
class SealedCommit:
    """The index fields of a commit at its position, from 1; the owner is that of a generation.

    damaged: the commit is missing or its fields cannot be read; only position and id are known.
    late: it was parked, and commits behind it have been handled.
    """

    position: int
    stream: str
    first: int
    last: int
    types: tuple[str, ...]
    developer: str | None = None
    project: str | None = None
    damaged: bool = False
    late: bool = False

    @property
    def id(self) -> str:
        return f"{self.stream}:{self.first}"


class SealedLog(Protocol):
    """Seal and read the order of all commits; each stream keeps its own order."""

    async def head(self) -> int:
        """Read the last position; 0 for an empty log."""

    async def seal(self, *, limit: int = 500) -> int:
        """Give positions to commits that have none, each stream in its own order; return how many."""

    async def positions(self, commits: Collection[str]) -> Mapping[str, int]:
        """Map the ids of commits to their positions; those without one are left out."""

    async def unsealed(self, before: datetime, *, limit: int) -> Sequence[str]:
        """Name commits without a position that were written before a moment, or at no readable time."""

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        """Read the index fields of the commits behind a position, in order; [] at the end."""

    async def commits(self, entries: Sequence[SealedCommit]) -> Sequence[Commit]:
        """Read the commits themselves, in the order of the entries.

        One that cannot be read is logged and left out, so that it blocks no reader; an audit names it.
        """
