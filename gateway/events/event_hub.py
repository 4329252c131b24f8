"""Everything in a gateway process that follows the log for its clients, started and ended with the door."""

import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from domain.generation.feed_cursor import FeedCursors
from gateway.events.broadcaster import Broadcaster
from gateway.events.connection import StreamSettings
from gateway.events.connections import Connections
from gateway.events.feeds import Feeds, SealedFeeds
from gateway.events.tickets import Tickets
from store.commits.contract import EventStore

OnEvent = Callable[[str, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHub:
    """The fan-outs, the open streams, and the keys of positions and tickets."""

    broadcaster: Broadcaster
    feeds: Feeds
    connections: Connections
    cursors: FeedCursors
    tickets: Tickets

    def install(self, app: web.Application) -> None:
        """Follow the log while an application runs."""
        app.cleanup_ctx.append(self._run)
        app.on_shutdown.append(self._drain)

    async def _run(self, _: web.Application) -> AsyncIterator[None]:
        self.broadcaster.start()
        self.feeds.start()
        self.connections.start()
        yield
        await self.connections.close()
        await self.feeds.close()
        await self.broadcaster.close()

    async def _drain(self, _: web.Application) -> None:
        """Say goodbye to every reader, so that none holds up the end of the process."""
        self.connections.drain()
        self.broadcaster.drain()
        self.feeds.drain()


def open_event_hub(
    events: EventStore, sealed: SealedFeeds, *, secret: bytes, settings: StreamSettings
) -> EventHub:
    """Make a newsroom; gateways with the same secret continue each other's streams."""
    cursors = FeedCursors(hmac.digest(secret, b"cursors", "sha256"))
    return EventHub(
        broadcaster=Broadcaster(events, poll=settings.poll),
        feeds=Feeds(sealed, cursors, period=settings.tail),
        connections=Connections(settings),
        cursors=cursors,
        tickets=Tickets(hmac.digest(secret, b"tickets", "sha256")),
    )
