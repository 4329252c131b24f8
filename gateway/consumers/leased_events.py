from dataclasses import dataclass

from aiohttp import web

from domain.generation.feed_cursor import FeedCursor
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.feed_reader import Feed, FeedPage, FeedReader
from store.consumers.consumers import Consumer

_LOOKED_AT = 10  # pages of commits without a visible event


@dataclass(frozen=True, slots=True, kw_only=True)
class LeasedEvents:
    """Read the events behind a consumer's position, and wait for the first."""

    feed_reader: FeedReader
    feed_broadcaster: FeedBroadcaster
    connections: Connections
    event_access: EventAccess

    async def page(self, feed: Feed, consumer: Consumer, *, limit: int) -> FeedPage:
        """Read the next events of at most `limit` commits; commits without a visible event are passed over."""
        after = FeedCursor(consumer.position, consumer.version)
        for _ in range(_LOOKED_AT):
            page = await self.feed_reader.page(feed, after, limit=limit)
            if page.events or not page.more:
                break
            after = page.next
        return page

    async def wait(self, request: web.Request, developer: str, feed: Feed, consumer: Consumer, *, seconds: int) -> None:
        """Wait until there is an event, at most so long; as a stream does, for access that may end meanwhile."""
        page = await self.page(feed, consumer, limit=1)
        if page.events or page.more:
            return
        grant = self.event_access.grant(request, developer, feed.project)
        with self.connections.slot(grant.claims.subject, developer, request, stream=True):
            await self.feed_broadcaster.wait(feed, after=page.next, seconds=seconds)
        await self.event_access.recheck(grant)
