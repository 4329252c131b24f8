import time
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from domain.generation.feed_cursor import FeedCursor
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.feed_reader import Feed, FeedEvent, FeedPage, FeedReader
from store.consumers.consumers import Consumer

_LOOKED_AT = 10  # pages of commits without a visible event
_PASSED_OVER = 100  # commits of such a page


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedEvents:
    """Read the events behind a consumer's position, and wait for the first."""

    feed_reader: FeedReader
    feed_broadcaster: FeedBroadcaster
    connections: Connections
    event_access: EventAccess
    monotonic: Callable[[], float] = time.monotonic

    async def page(self, feed: Feed, after: FeedCursor, *, limit: int) -> FeedPage:
        """Read the next events of at most `limit` commits; commits without a visible event are passed over."""
        page = await self.feed_reader.page(feed, after, limit=limit)
        for _ in range(_LOOKED_AT):
            if page.events or not page.more:
                break
            page = await self.feed_reader.page(feed, page.next, limit=limit)
        return page

    async def wait(
        self, request: web.Request, developer: str, feed: Feed, consumer: Consumer, *, seconds: int
    ) -> FeedCursor:
        """Wait until there is an event, at most so long; as a stream does, for access that may end meanwhile.

        Returns the cursor up to which nothing is visible.
        """
        end = self.monotonic() + seconds
        after = cursor_of(consumer)
        page = await self.feed_reader.page(feed, after, limit=_PASSED_OVER)
        while not page.events and page.more and self.monotonic() < end:
            after = page.next
            page = await self.feed_reader.page(feed, after, limit=_PASSED_OVER)
        if page.events:
            return self._before(page.events[0], feed) or after
        if page.more:
            return after
        grant = self.event_access.grant(request, developer, feed.project)
        with self.connections.slot(grant.claims.subject, developer, request, stream=True):
            await self.feed_broadcaster.wait(feed, after=page.next, seconds=max(0.0, end - self.monotonic()))
        await self.event_access.recheck(grant)
        return page.next

    def _before(self, event: FeedEvent, feed: Feed) -> FeedCursor | None:
        at = self.feed_reader.feed_cursors.read(event[0], feed.name)
        return at and FeedCursor(at.position, at.version - 1)


def cursor_of(consumer: Consumer) -> FeedCursor:
    return FeedCursor(consumer.position, consumer.version)
