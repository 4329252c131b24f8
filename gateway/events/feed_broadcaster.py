"""The feed broadcaster: new events of feeds for all listeners of one gateway.

One reader of the sealed order serves all listeners: it reads the projects that have listeners, and encodes a
commit once for each feed.
"""

import asyncio
import sys
from collections.abc import Sequence

import structlog

from domain.generation.feed_cursor import FeedCursor
from gateway.events.feed_reader import Feed, FeedMetadata, FeedReader, frames_of
from gateway.events.settings import StreamSettings
from gateway.events.update import Listener, Update, Waiter, Waiters, deliver
from store.errors import StoreError
from store.log.feeds import FeedEntry, Feeds

_BATCH = 500  # commits in one query
_RETRY_PAUSE = 0.5  # seconds after a failed read

log = structlog.get_logger()


class FeedBroadcaster:
    """Deliver what is sealed from a listener's position on, in order, once."""

    def __init__(
        self, feeds: Feeds, feed_reader: FeedReader, stream_settings: StreamSettings, waiters: Waiters
    ) -> None:
        self._feeds = feeds
        self._reader = feed_reader
        self._period = stream_settings.tail
        self._listeners: dict[Feed, dict[Listener, int]] = {}  # with the next position of each
        self._next = 0
        self._joined: list[int] = []
        self._watched = asyncio.Event()
        self._waiters = waiters

    async def run(self) -> None:
        """Read and deliver again and again."""
        while True:
            await self._watched.wait()
            try:
                full = await self._advance()
            except StoreError as error:
                log.warning("feeds_not_read", error=type(error).__name__)
                await asyncio.sleep(_RETRY_PAUSE)
            except Exception:
                log.exception("feeds_not_read")
                await asyncio.sleep(_RETRY_PAUSE)
            else:
                await asyncio.sleep(0 if full else self._period)

    def add(self, feed: Feed, listener: Listener, *, after: FeedCursor) -> None:
        """Deliver everything from the position of a cursor, which is not within a commit."""
        if not self._listeners:
            self._next = after.position
        self._next = min(self._next, after.position)
        self._joined.append(after.position)
        self._listeners.setdefault(feed, {})[listener] = after.position
        self._watched.set()

    def remove(self, feed: Feed, listener: Listener) -> None:
        """Remove a listener; repeatable."""
        listeners = self._listeners.get(feed)
        if listeners is not None:
            listeners.pop(listener, None)
            if not listeners:
                del self._listeners[feed]
        if not self._listeners:
            self._watched.clear()

    async def wait(self, feed: Feed, *, after: FeedCursor, seconds: float) -> None:
        """Wait until a visible event is sealed after a cursor, at most so long."""
        waiter = Waiter(lambda _: True)
        self.add(feed, waiter, after=after)
        try:
            await self._waiters.wait(waiter, seconds)
        finally:
            self.remove(feed, waiter)

    async def _advance(self) -> bool:
        """Read and deliver the next commits; True when there may be more.

        The query does not cover listeners that join meanwhile: the next one begins at the earliest of them.
        """
        first, feeds = self._next, dict(self._listeners)
        self._joined.clear()
        last = await self._feeds.head()
        if last < first:
            return False
        projects = {feed.project for feed in feeds}
        webhooks_of = {feed.project for feed in feeds if feed.webhooks}
        found = await self._feeds.read(
            projects=projects, user=None, first=first, last=last, limit=_BATCH, webhooks_of=webhooks_of
        )
        wanted = [(entry, feed) for entry in found for feed in _feeds_of(entry) if feed in feeds]
        present = {feed: tuple(listeners) for feed, listeners in feeds.items()}
        metadata = await self._reader.metadata_of([entry for entry, _ in wanted])
        full = len(found) == _BATCH
        self._next = min([found[-1].position + 1 if full else last + 1, *self._joined])
        for entry, feed in wanted:
            self._deliver(entry, feed, present[feed], metadata)
        return full

    def _deliver(self, entry: FeedEntry, feed: Feed, present: Sequence[Listener], metadata: FeedMetadata) -> None:
        """Deliver a commit to those that were there when it was read.

        After one of newer code listeners get no more: their cursor stays before it.
        """
        update = Update(frames_of(self._reader.events_of(entry, feed, metadata)))
        listeners = self._listeners.get(feed, {})
        for listener in present:
            if listener in listeners and listeners[listener] <= entry.position:
                listeners[listener] = sys.maxsize if entry.newer else entry.position + 1
                deliver(listener, update)


def _feeds_of(entry: FeedEntry) -> tuple[Feed, ...]:
    """Name the feeds that a commit is in; one without a user is of an endpoint."""
    with_webhooks = Feed(entry.project, webhooks=True)
    return (Feed(entry.project), Feed(entry.project, entry.user), with_webhooks) if entry.user else (with_webhooks,)
