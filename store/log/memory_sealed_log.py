import asyncio
from collections.abc import Sequence

from events.commit import Commit
from store.commits.contract import EventStore
from store.log.sealed_log import SealedCommit


class MemorySealedLog:
    """The sealed order in a list, for simulation; `limit` of `seal` counts streams."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._sealed: list[SealedCommit] = []
        self._ids: set[str] = set()

    async def head(self) -> int:
        await asyncio.sleep(0)
        return len(self._sealed)

    async def seal(self, *, limit: int = 500) -> int:
        streams = dict[str, list[Commit]]()
        async for commit in self._events.commits():
            if commit.id not in self._ids:
                streams.setdefault(commit.stream, []).append(commit)
        oldest = sorted(streams.values(), key=lambda commits: commits[0].events[0].time)
        fresh = [commit for commits in oldest[:limit] for commit in commits]
        first = len(self._sealed) + 1
        self._sealed += [SealedCommit(position, commit) for position, commit in enumerate(fresh, start=first)]
        self._ids.update(commit.id for commit in fresh)
        return len(fresh)

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        await asyncio.sleep(0)
        return self._sealed[after : after + limit]
