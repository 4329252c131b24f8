"""The fan-out inside one gateway: who watches which generation, woken by the post room, told by the log.

All watched streams share one reader. A wake-up says which stream to look at; every `poll` seconds all of them
are looked at, so that nothing depends on a wake-up. A commit begins right behind the one before, so "is there
more?" is a question for exact ids, thousands of them in one query.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from events.catalogue import CATALOGUE
from events.commit import Commit
from events.visible import visible
from gateway.events.sse import frame
from gateway.events.waits import Waiter, Waits
from store.commits.contract import EventStore
from store.errors import StoreError

_TOGETHER = 250  # streams in one query
_BREATH = 200  # watchers told before other work of the process gets its turn
_PAUSE = 0.5  # seconds until a store that failed is asked again

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Update:
    """A commit as watchers are told of it; its frames are made once for all of them."""

    first: int
    last: int
    envelopes: tuple[dict[str, Any], ...]
    frames: bytes
    final: bool


class Listener(Protocol):
    """Whoever is told; `deliver` must not block."""

    def deliver(self, update: Update) -> None: ...


@dataclass(slots=True)
class ListenedStream:
    """A stream with its watchers and the version that each has; `known`: how far it was read."""

    known: int
    listeners: dict[Listener, int] = field(default_factory=dict)


class Broadcaster:
    """Tell watchers about every commit behind the version they have, in order, once."""

    def __init__(self, events: EventStore, *, poll: float = 1.5) -> None:
        self._events = events
        self._poll = poll
        self._streams: dict[str, ListenedStream] = {}
        self._due: set[str] = set()
        self._woken = asyncio.Event()
        self._waits = Waits()
        self._telling = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def listened(self) -> set[str]:
        """The streams that somebody watches."""
        return set(self._streams)

    def start(self) -> None:
        """Begin to read for watchers."""
        readers = {"woken watching": self._follow(), "patrolling watching": self._patrol()}
        self._tasks = [asyncio.create_task(reader, name=name) for name, reader in readers.items()]

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self, stream: str, version: int, _type: str) -> None:
        """Take a hint that a stream has a new version."""
        listened = self._streams.get(stream)
        if listened is not None and version > listened.known:
            self._look_at(stream)

    def look(self) -> None:
        """Look at everything: hints may have been missed."""
        self._due.update(self._streams)
        self._woken.set()

    def add(self, stream: str, listener: Listener, *, after: int) -> None:
        """Tell `watcher` of every commit behind version `after`, which is the end of a commit."""
        listened = self._streams.setdefault(stream, ListenedStream(after))
        listened.known = min(listened.known, after)
        listened.listeners[listener] = after
        self._look_at(stream)  # something may have happened since it was loaded

    def remove(self, stream: str, listener: Listener) -> None:
        """Forget a watcher; repeatable."""
        listened = self._streams.get(stream)
        if listened is not None:
            listened.listeners.pop(listener, None)
            if not listened.listeners:
                del self._streams[stream]

    async def wait(
        self, stream: str, *, after: int, wanted: Callable[[Update], bool], seconds: float
    ) -> bool:
        """Wait for a wanted moment behind version `after`; False when none came in time, or at a drain."""
        waiter = Waiter(wanted)
        self.add(stream, waiter, after=after)
        try:
            return await self._waits.until(waiter.came, seconds)
        finally:
            self.remove(stream, waiter)

    def drain(self) -> None:
        """End all waits."""
        self._waits.drain()

    def _look_at(self, stream: str) -> None:
        self._due.add(stream)
        self._woken.set()

    async def _follow(self) -> None:
        """Look at what wake-ups name, as soon as they do."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            due, self._due = list(self._due), set()
            for start in range(0, len(due), _TOGETHER):
                await self._read(due[start : start + _TOGETHER])

    async def _patrol(self) -> None:
        """Look at everything once in `poll` seconds, in parts, so that no wake-up waits behind the whole."""
        while True:
            streams = list(self._streams)
            parts = [streams[start : start + _TOGETHER] for start in range(0, len(streams), _TOGETHER)]
            for part in parts or [[]]:
                await asyncio.sleep(self._poll / max(1, len(parts)))
                await self._read(part)

    async def _read(self, streams: Sequence[str]) -> None:
        """Look at streams; what the store cannot tell now stays due."""
        try:
            await self._advance(streams)
        except StoreError as error:
            log.warning("watched_streams_not_read", streams=len(streams), error=type(error).__name__)
            await asyncio.sleep(_PAUSE)
            self._due.update(streams)
            self._woken.set()

    async def _advance(self, streams: Sequence[str]) -> None:
        """Read the next commit of each stream and tell its watchers.

        A commit that cannot be read (a newer process wrote it) holds up its own stream and no other.
        """
        ends = {stream: self._streams[stream].known for stream in streams if stream in self._streams}
        if not ends:
            return
        try:
            commits = await self._events.following(ends)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever one commit holds, the others go on
            if len(streams) == 1:
                log.error("commit_unreadable", stream=streams[0], error=repr(error))  # noqa: TRY400
                return
            middle = len(streams) // 2
            await self._advance(streams[:middle])
            await self._advance(streams[middle:])
            return
        async with self._telling:  # one after the other, or a later commit might overtake an earlier one
            for commit in commits:
                await self._tell(commit)

    async def _tell(self, commit: Commit) -> None:
        listened = self._streams.get(commit.stream)
        if listened is None:
            return
        self._look_at(commit.stream)
        if commit.first != listened.known + 1:
            return  # somebody joined further back meanwhile: it is read again from there
        listened.known = commit.last
        update = update_of(commit)
        for number, (listener, at) in enumerate(tuple(listened.listeners.items()), start=1):
            if at < commit.first and listener in listened.listeners:
                listened.listeners[listener] = commit.last
                _deliver(listener, update)
            if number % _BREATH == 0:
                await asyncio.sleep(0)


def update_of(commit: Commit) -> Update:
    """Write a commit as its owner may see it; a hidden event leaves nothing."""
    shown = tuple(envelope for event in commit.events if (envelope := visible(event)) is not None)
    frames = b"".join(
        frame(envelope["type"], envelope, identifier=str(envelope["version"])) for envelope in shown
    )
    final = any(event.type in CATALOGUE.final for event in commit.events)
    return Update(commit.first, commit.last, shown, frames, final)


def _deliver(listener: Listener, update: Update) -> None:
    if not (update.frames or update.final):
        return
    try:
        listener.deliver(update)
    except Exception:
        log.exception("watcher_failed")
