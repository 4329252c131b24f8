"""The event hub: the background tasks that serve events to clients, run with the application.

Session revalidation ends open streams when the grant they were opened with is revoked.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from gateway.auth.account_status import AccessGrant, AccountStatus
from gateway.events.broadcaster import Broadcaster
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.settings import StreamSettings
from gateway.events.update import Waiters
from store.errors import StoreError

_BATCH = 500  # grants in one query

log = structlog.get_logger()


class SessionRevalidation:
    """Revalidate the grants of all open streams every `period` seconds.

    While the store is unavailable no stream ends: no stream gets new events then either.
    """

    def __init__(
        self, connections: Connections, account_status: AccountStatus, stream_settings: StreamSettings
    ) -> None:
        self._connections = connections
        self._account_status = account_status
        self._period = stream_settings.recheck

    async def run(self) -> None:
        """Revalidate again and again."""
        while True:
            await asyncio.sleep(self._period)
            try:
                await self.revalidate()
            except Exception:
                log.exception("grants_not_revalidated")

    async def revalidate(self) -> None:
        """End the streams whose grant is revoked."""
        opened: dict[AccessGrant, list[Connection]] = defaultdict(list)
        for connection, grant in self._connections.grants:
            opened[grant].append(connection)
        grants = list(opened)
        for start in range(0, len(grants), _BATCH):
            for revoked in await self._revoked(grants[start : start + _BATCH]):
                for connection in opened[revoked]:
                    connection.dismiss("credentials")

    async def _revoked(self, grants: Sequence[AccessGrant]) -> set[AccessGrant]:
        """Find the revoked ones of some grants; whatever fails here concerns these grants alone."""
        try:
            return await self._account_status.revoked(grants)
        except StoreError as error:
            log.warning("grants_not_revalidated", grants=len(grants), error=type(error).__name__)
        except Exception:
            log.exception("grants_not_revalidated", grants=len(grants))
        return set()


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
