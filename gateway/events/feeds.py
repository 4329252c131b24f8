"""The wider streams of one gateway process: all generations of a user, or of a project, in sealed order.

One tail of the sealed order serves all followers: it asks for the followed projects alone, and encodes what
it finds once for each feed.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog

from domain.generation.feed_cursor import FeedCursor, FeedCursors
from events.commit import Commit
from events.visible import visible
from gateway.events.sse import frame
from gateway.events.waits import Waiter, Waits
from store.errors import StoreError

_TOGETHER = 500  # commits in one query
_PAUSE = 0.5  # seconds until a store that failed is asked again

log = structlog.get_logger()


class Placed(Protocol):
    """A commit at its sealed position."""

    @property
    def position(self) -> int: ...

    @property
    def project(self) -> str: ...

    @property
    def user(self) -> str: ...

    @property
    def commit(self) -> Commit: ...


class SealedFeeds(Protocol):
    """The sealed order, by owner."""

    async def head(self) -> int: ...

    async def read(
        self, *, projects: Collection[str], user: str | None, first: int, last: int, limit: int
    ) -> Sequence[Placed]: ...

    async def latest(self, *, project: str, user: str | None, last: int, limit: int) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Feed:
    """Whose generations: those of a user in a project, or of all its users."""

    project: str
    user: str | None = None

    @property
    def name(self) -> str:
        return f"{self.project}/{self.user or '*'}"


@dataclass(frozen=True, slots=True)
class Passage:
    """Visible events of a feed, each with the cursor that stands behind it, as SSE too."""

    events: tuple[tuple[str, dict[str, Any]], ...]

    @property
    def frames(self) -> bytes:
        return b"".join(frame(shown["type"], shown, identifier=cursor) for cursor, shown in self.events)


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A passage and where to read on; `more`: there is more to read at once."""

    passage: Passage
    next: FeedCursor
    more: bool


class FeedListener(Protocol):
    """Whoever is sent frames, which are encoded once for all followers of a feed; it must not block."""

    def send(self, frames: bytes) -> None: ...


class FeedWaiter(Waiter[bytes]):
    """Wait once for anything that is sent."""

    def send(self, frames: bytes) -> None:
        self.deliver(frames)


@dataclass(slots=True)
class FeedListeners:
    """The followers of one feed, each with the position it is to be told from."""

    next: dict[FeedListener, int] = field(default_factory=dict)


class Feeds:
    """Read feeds from anywhere and follow them from where the reading ended."""

    def __init__(self, sealed: SealedFeeds, cursors: FeedCursors, *, period: float = 0.25) -> None:
        self._sealed = sealed
        self._cursors = cursors
        self._period = period
        self._feeds: dict[Feed, FeedListeners] = {}
        self._next = 0
        self._joined: list[int] = []
        self._followed = asyncio.Event()
        self._waits = Waits()
        self._tailing: asyncio.Task[None] | None = None

    @property
    def followed(self) -> set[Feed]:
        """The feeds that somebody follows."""
        return set(self._feeds)

    def start(self) -> None:
        """Begin to tail for followers."""
        self._tailing = asyncio.create_task(self._run(), name="followed feeds")

    async def close(self) -> None:
        if self._tailing is not None:
            self._tailing.cancel()
            await asyncio.wait({self._tailing})

    def drain(self) -> None:
        """End all waits."""
        self._waits.drain()

    async def head(self) -> FeedCursor:
        """Return the cursor behind everything that is sealed."""
        return FeedCursor(await self._sealed.head() + 1)

    async def latest(self, feed: Feed, until: FeedCursor, *, limit: int) -> list[str]:
        """Name the streams of a feed that moved most lately before a cursor, at most `limit`."""
        last = until.position - 1
        streams = await self._sealed.latest(project=feed.project, user=feed.user, last=last, limit=20 * limit)
        return list(streams[:limit])

    async def page(self, feed: Feed, after: FeedCursor, *, limit: int) -> FeedPage:
        """Read the visible events behind a cursor, of at most `limit` commits."""
        last = await self._sealed.head()
        found = await self._sealed.read(
            projects=[feed.project], user=feed.user, first=after.position, last=last, limit=limit
        )
        more = len(found) == limit
        behind = FeedCursor(found[-1].position + 1 if more else max(last + 1, after.position))
        events = [shown for placed in found for shown in self._shown(feed, placed, after)]
        return FeedPage(Passage(tuple(events)), behind, more)

    def add(self, feed: Feed, subscriber: FeedListener, *, after: FeedCursor) -> None:
        """Tell `follower` of everything from the position of a cursor, which is no commit's middle."""
        if not self._feeds:
            self._next = after.position
        self._next = min(self._next, after.position)
        self._joined.append(after.position)
        self._feeds.setdefault(feed, FeedListeners()).next[subscriber] = after.position
        self._followed.set()

    def remove(self, feed: Feed, subscriber: FeedListener) -> None:
        """Forget a follower; repeatable."""
        followers = self._feeds.get(feed)
        if followers is not None:
            followers.next.pop(subscriber, None)
            if not followers.next:
                del self._feeds[feed]
        if not self._feeds:
            self._followed.clear()

    async def wait(self, feed: Feed, *, after: FeedCursor, seconds: float) -> None:
        """Wait until something is sealed behind a cursor, for so long at most."""
        waiter = FeedWaiter(lambda _: True)
        self.add(feed, waiter, after=after)
        try:
            await self._waits.until(waiter.came, seconds)
        finally:
            self.remove(feed, waiter)

    async def _run(self) -> None:
        while True:
            await self._followed.wait()
            try:
                full = await self._advance()
            except StoreError as error:
                log.warning("feeds_not_read", error=type(error).__name__)
                await asyncio.sleep(_PAUSE)
            except Exception:
                log.exception("feeds_not_read")
                await asyncio.sleep(_PAUSE)
            else:
                await asyncio.sleep(0 if full else self._period)

    async def _advance(self) -> bool:
        """Read on and tell; True when there may be more.

        Whoever joins meanwhile was not asked for: the next reading begins where the furthest back of them is.
        """
        first, feeds = self._next, dict(self._feeds)
        self._joined.clear()
        last = await self._sealed.head()
        if last < first:
            return False
        projects = {feed.project for feed in feeds}
        found = await self._sealed.read(projects=projects, user=None, first=first, last=last, limit=_TOGETHER)
        full = len(found) == _TOGETHER
        self._next = min([found[-1].position + 1 if full else last + 1, *self._joined])
        for placed in found:
            for feed in (Feed(placed.project), Feed(placed.project, placed.user)):
                if feed in feeds:
                    self._tell(feed, feeds[feed], placed)
        return full

    def _tell(self, feed: Feed, followers: FeedListeners, placed: Placed) -> None:
        frames = Passage(tuple(self._shown(feed, placed, FeedCursor(0)))).frames
        for subscriber, position in tuple(followers.next.items()):
            if position <= placed.position:
                followers.next[subscriber] = placed.position + 1
                if frames:
                    _send(subscriber, frames)

    def _shown(self, feed: Feed, placed: Placed, after: FeedCursor) -> list[tuple[str, dict[str, Any]]]:
        seen = after.version if after.position == placed.position else 0
        return [
            (self._cursors.write(FeedCursor(placed.position, event.version), feed.name), envelope)
            for event in placed.commit.events
            if event.version > seen and (envelope := visible(event)) is not None
        ]


def _send(subscriber: FeedListener, frames: bytes) -> None:
    try:
        subscriber.send(frames)
    except Exception:
        log.exception("follower_failed")
