import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime

from events.commit import Commit, commit_of
from events.envelope import Cause
from events.event import Event
from store.commits.contract import Write
from store.commits.stream_range import WHOLE, StreamRange
from store.commits.unreadable import OnUnreadable
from store.errors import WrongExpectedVersionError


class MemoryEventStore:
    """Keep streams in a dictionary; every call yields once, so that concurrent callers interleave."""

    def __init__(self) -> None:
        self._streams: dict[str, list[Commit]] = {}
        self._appending = asyncio.Lock()

    async def append(
        self,
        stream: str,
        expected_version: int,
        events: Sequence[Event],
        *,
        cause: Cause,
        time: datetime,
        write: Write | None = None,
    ) -> Commit:
        if not events:
            raise ValueError("a commit has at least one event")
        await asyncio.sleep(0)
        async with self._appending:
            stored = self._streams.get(stream, [])
            if (stored[-1].last if stored else 0) != expected_version:
                raise WrongExpectedVersionError(stream, expected_version)
            writer = secrets.token_hex(12)
            commit = commit_of(stream, expected_version, events, cause=cause, time=time, writer=writer)
            if write is not None:
                await write(commit, None)
            self._streams.setdefault(stream, []).append(commit)
        return commit

    async def read(self, stream: str, *, after: int = 0) -> list[Commit]:
        await asyncio.sleep(0)
        return [commit for commit in self._streams.get(stream, []) if commit.last > after]

    async def following(self, heads: Mapping[str, int]) -> list[Commit]:
        await asyncio.sleep(0)
        return [
            commit
            for stream, version in heads.items()
            for commit in self._streams.get(stream, [])
            if commit.first == version + 1
        ]

    async def since(self, heads: Mapping[str, int]) -> dict[str, list[Commit] | Exception]:
        await asyncio.sleep(0)
        return {
            stream: [commit for commit in self._streams.get(stream, []) if commit.first > version]
            for stream, version in heads.items()
        }

    async def types(self, streams: Sequence[str]) -> dict[str, frozenset[str]]:
        await asyncio.sleep(0)
        return {
            stream: frozenset(event.type for commit in self._streams[stream] for event in commit.events)
            for stream in streams
            if stream in self._streams
        }

    async def commits(
        self, on_unreadable: OnUnreadable | None = None, *, within: StreamRange = WHOLE
    ) -> AsyncIterator[Commit]:
        for stream in sorted(filter(within.__contains__, self._streams)):
            for commit in self._streams[stream]:
                yield commit
