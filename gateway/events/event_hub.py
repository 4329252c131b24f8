"""The event hub: the background tasks that serve events to clients, run with the application."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from gateway.events.broadcaster import Broadcaster
from gateway.events.connections import Connections
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.session_revalidation import SessionRevalidation
from gateway.events.update import Waiters


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHub:
    """Run broadcasters, connection registry and session revalidation."""

    broadcaster: Broadcaster
    feed_broadcaster: FeedBroadcaster
    connections: Connections
    session_revalidation: SessionRevalidation
    waiters: Waiters

    def install(self, app: web.Application) -> None:
        """Run while an application runs; at its shutdown end all streams and waits first."""
        app.cleanup_ctx.append(self._run)
        app.on_shutdown.append(self._drain)

    async def _run(self, _: web.Application) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(self.broadcaster.read_due(), name="broadcaster_reads"),
            asyncio.create_task(self.broadcaster.poll_all(), name="broadcaster_polls"),
            asyncio.create_task(self.feed_broadcaster.run(), name="feed_broadcaster"),
            asyncio.create_task(self.connections.run(), name="connection_checks"),
            asyncio.create_task(self.session_revalidation.run(), name="session_revalidation"),
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    async def _drain(self, _: web.Application) -> None:
        self.connections.drain()
        self.waiters.drain()
