"""The broadcaster: new events of single generations for all listeners of one gateway.

All watched streams share one reader. A wake-up names a stream with new events; every `poll` seconds all
streams are read, so that no update depends on a wake-up. The next commit of a stream has a known id, so one
query reads the next commits of many streams.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from domain.generation.generation import id_of
from events.catalogue import CATALOGUE
from events.commit import Commit
from events.envelope import visible
from gateway.events.settings import StreamSettings
from gateway.events.sse import frame
from gateway.events.update import Listener, Update, Waiter, Waiters, deliver
from gateway.generations.request_metadata import RequestMetadata, ends_metadata, with_metadata
from store.commits.contract import EventStore
from store.crash_points import crash_point
from store.errors import StoreError

_BATCH = 250  # streams in one query
_YIELD_AFTER = 200  # listeners served before other tasks get their turn
_RETRY_PAUSE = 0.5  # seconds after a failed read

log = structlog.get_logger()


@dataclass(slots=True)
class WatchedStream:
    """A stream, the version up to which it was read, and its listeners with the version that each has.

    personal_data: the token under which its metadata are, where a listener shows them.
    """

    version: int
    listeners: dict[Listener, int] = field(default_factory=dict)
    personal_data: str | None = None


class Broadcaster:
    """Deliver every commit after a listener's version, in order, once; `has_listeners` is set while there is any."""

    def __init__(
        self,
        events: EventStore,
        stream_settings: StreamSettings,
        waiters: Waiters,
        request_metadata: RequestMetadata,
    ) -> None:
        self._events = events
        self._metadata = request_metadata
        self._poll = stream_settings.poll
        self._streams: dict[str, WatchedStream] = {}
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self.has_listeners = asyncio.Event()
        self._waiters = waiters
        self._delivering = asyncio.Lock()

    @property
    def watched(self) -> set[str]:
        """The streams that have listeners."""
        return set(self._streams)

    async def read_due(self) -> None:
        """Read streams as soon as they are due."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            due, self._due = list(self._due), set()
            for batch in _batches(due):
                await self._read(batch)

    async def poll_all(self) -> None:
        """Read all streams once in `poll` seconds, in batches, so that no wake-up waits for all of them."""
        while True:
            batches = _batches(list(self._streams)) or [[]]
            for batch in batches:
                await asyncio.sleep(self._poll / len(batches))
                await self._read(batch)

    def wake(self, stream: str, version: int, _type: str) -> None:
        """Receive a hint that a stream has a new version."""
        watched = self._streams.get(stream)
        if watched is not None and version > watched.version:
            self._wake(stream)

    def wake_all(self) -> None:
        """Read all streams: hints may have been missed."""
        self._wake(*self._streams)

    def add(self, stream: str, listener: Listener, *, after: int, personal_data: str | None = None) -> None:
        """Deliver every commit after version `after`, which is the last of a commit.

        `personal_data` names the metadata to add to its events.
        """
        watched = self._streams.setdefault(stream, WatchedStream(after))
        watched.personal_data = personal_data or watched.personal_data
        watched.version = min(watched.version, after)
        watched.listeners[listener] = after
        self.has_listeners.set()
        self._wake(stream)  # a commit may have followed since the caller read the stream

    def remove(self, stream: str, listener: Listener) -> None:
        """Remove a listener; repeatable."""
        watched = self._streams.get(stream)
        if watched is not None:
            watched.listeners.pop(listener, None)
            if not watched.listeners:
                del self._streams[stream]
        if not self._streams:
            self.has_listeners.clear()

    async def wait(self, stream: str, *, after: int, wanted: Callable[[Update], bool], seconds: float) -> bool:
        """Wait for a wanted update after version `after`; False when none arrives in time, or at a drain."""
        waiter = Waiter(wanted)
        self.add(stream, waiter, after=after)
        try:
            return await self._waiters.wait(waiter, seconds)
        finally:
            self.remove(stream, waiter)

    def _wake(self, *streams: str) -> None:
        self._due.update(streams)
        self._woken.set()

    async def _read(self, streams: Sequence[str]) -> None:
        """Read streams; what the store cannot read now stays due."""
        try:
            await self._advance(streams)
        except StoreError as error:
            log.warning("watched_streams_not_read", streams=len(streams), error=type(error).__name__)
            await asyncio.sleep(_RETRY_PAUSE)
            self._wake(*streams)

    async def _advance(self, streams: Sequence[str]) -> None:
        """Read the next commit of each stream and deliver it.

        An unreadable commit (a newer process wrote it) delays its own stream and no other.
        """
        versions = {stream: self._streams[stream].version for stream in streams if stream in self._streams}
        if not versions:
            return
        try:
            commits = await self._events.following(versions)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one commit holds, the others go on
            await self._bisect(streams, error)
            return
        async with self._delivering:  # one batch at a time, or a later commit might overtake an earlier one
            metadata = await self._metadata.of_tokens(self._tokens(commits))
            for commit in commits:
                await self._deliver(commit, metadata.get(id_of(commit.stream), {}))

    def _tokens(self, commits: Sequence[Commit]) -> dict[str, str]:
        """Name the personal data of the streams that have commits, but for those that are to be erased."""
        tokens = dict[str, str]()
        for commit in commits:
            watched = self._streams.get(commit.stream)
            if watched is not None and any(ends_metadata(event.event) for event in commit.events):
                watched.personal_data = None
            if watched is not None and watched.personal_data is not None:
                tokens[id_of(commit.stream)] = watched.personal_data
        return tokens

    async def _bisect(self, streams: Sequence[str], error: Exception) -> None:
        """Read the halves of a batch with an unreadable commit, down to the one stream that has it."""
        if len(streams) == 1:
            log.error("commit_unreadable", stream=streams[0], error=error)
            return
        middle = len(streams) // 2
        await self._advance(streams[:middle])
        await self._advance(streams[middle:])

    async def _deliver(self, commit: Commit, metadata: Mapping[str, Any]) -> None:
        watched = self._streams.get(commit.stream)
        if watched is None:
            return
        self._wake(commit.stream)  # another commit may follow
        if commit.first != watched.version + 1:
            return  # a listener joined with an earlier version meanwhile: it is read again from there
        watched.version = commit.last
        update = update_of(commit, metadata)
        for number, (listener, version) in enumerate(tuple(watched.listeners.items()), start=1):
            if version < commit.first and listener in watched.listeners:
                watched.listeners[listener] = commit.last
                deliver(listener, update)
                crash_point("gateway", "during_stream")
            if number % _YIELD_AFTER == 0:
                await asyncio.sleep(0)


def update_of(commit: Commit, metadata: Mapping[str, Any]) -> Update:
    """Encode the visible events of a commit, with the metadata of its generation."""
    found = [envelope for event in commit.events if (envelope := visible(event)) is not None]
    shown = [with_metadata(envelope, metadata) for envelope in found]
    frames = [frame(envelope["type"], envelope, identifier=str(envelope["version"])) for envelope in shown]
    return Update(b"".join(frames), any(event.type in CATALOGUE.final for event in commit.events))


def _batches(streams: Sequence[str]) -> list[Sequence[str]]:
    return [streams[start : start + _BATCH] for start in range(0, len(streams), _BATCH)]
