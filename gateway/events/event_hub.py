"""Everything in a gateway process that follows the log for its clients, started and ended with the door."""

import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from aiohttp import web

from domain.generation.feed_cursor import Cursors
from gateway.events.broadcaster import Watching
from gateway.events.connection import StreamSettings
from gateway.events.connections import Outlets
from gateway.events.feeds import Feeds, SealedFeeds
from gateway.events.tickets import Tickets
from store.commits.contract import EventStore

OnEvent = Callable[[str, int, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsroom:
    """The fan-outs, the open streams, and the keys of positions and tickets."""

    watching: Watching
    feeds: Feeds
    outlets: Outlets
    cursors: Cursors
    tickets: Tickets

    def install(self, app: web.Application) -> None:
        """Follow the log while an application runs."""
        app.cleanup_ctx.append(self._run)
        app.on_shutdown.append(self._drain)

    async def _run(self, _: web.Application) -> AsyncIterator[None]:
        self.watching.start()
        self.feeds.start()
        self.outlets.start()
        yield
        await self.outlets.close()
        await self.feeds.close()
        await self.watching.close()

    async def _drain(self, _: web.Application) -> None:
        """Say goodbye to every reader, so that none holds up the end of the process."""
        self.outlets.drain()
        self.watching.drain()
        self.feeds.drain()


def open_newsroom(
    events: EventStore, sealed: SealedFeeds, *, secret: bytes, settings: StreamSettings
) -> Newsroom:
    """Make a newsroom; gateways with the same secret continue each other's streams."""
    cursors = Cursors(hmac.digest(secret, b"cursors", "sha256"))
    return Newsroom(
        watching=Watching(events, poll=settings.poll),
        feeds=Feeds(sealed, cursors, period=settings.tail),
        outlets=Outlets(settings),
        cursors=cursors,
        tickets=Tickets(hmac.digest(secret, b"tickets", "sha256")),
    )
