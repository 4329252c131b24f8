import asyncio
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from events.commit import Commit
from events.generation import GenerationRequested
from store.commits.contract import EventStore
from store.log.sealed_log import SealedCommit


class MemorySealedLog:
    """The sealed order in a list, for simulation; `limit` of `seal` counts streams."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._sealed: list[SealedCommit] = []
        self._commits: dict[str, Commit] = {}

    async def head(self) -> int:
        await asyncio.sleep(0)
        return len(self._sealed)

    async def seal(self, *, limit: int = 500) -> int:
        streams = dict[str, list[Commit]]()
        async for commit in self._events.commits():
            if commit.id not in self._commits:
                streams.setdefault(commit.stream, []).append(commit)
        oldest = sorted(streams.values(), key=lambda commits: commits[0].events[0].time)
        fresh = [commit for commits in oldest[:limit] for commit in commits]
        owners = {entry.stream: (entry.developer, entry.project) for entry in self._sealed}
        for position, commit in enumerate(fresh, start=len(self._sealed) + 1):
            owner = owners.setdefault(commit.stream, _owner_of(commit))
            types = tuple(event.type for event in commit.events)
            self._sealed.append(SealedCommit(position, commit.stream, commit.first, commit.last, types, *owner))
            self._commits[commit.id] = commit
        return len(fresh)

    async def positions(self, commits: Collection[str]) -> Mapping[str, int]:
        await asyncio.sleep(0)
        return {entry.id: entry.position for entry in self._sealed if entry.id in commits}

    async def unsealed(self, before: datetime, *, limit: int) -> Sequence[str]:
        waiting = [one async for one in self._events.commits() if one.id not in self._commits]
        return [one.id for one in waiting if one.events[0].time < before][:limit]

    async def read(self, *, after: int, limit: int) -> Sequence[SealedCommit]:
        await asyncio.sleep(0)
        return self._sealed[after : after + limit]

    async def commits(self, entries: Sequence[SealedCommit]) -> Sequence[Commit]:
        await asyncio.sleep(0)
        return [self._commits[entry.id] for entry in entries]


def _owner_of(commit: Commit) -> tuple[str | None, str | None]:
    first = commit.events[0].event
    return (first.owner.developer, first.owner.project) if isinstance(first, GenerationRequested) else (None, None)
