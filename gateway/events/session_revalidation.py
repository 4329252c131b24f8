"""Open streams end when whoever reads them may do so no more: revoked, logged out, deleted."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

import structlog
from aiohttp import web

from gateway.auth.account_status import AccessGrant, AccountStatus
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.sse import frame
from store.errors import StoreError

_TOGETHER = 500  # accounts in one query

GOODBYE = frame("goodbye", {"reason": "credentials"})

log = structlog.get_logger()


class SessionRevalidation:
    """Look at all readers of a process every `period` seconds, some hundred accounts in one question.

    While the store cannot be asked nobody is sent away: nor can anything new be read then.
    """

    def __init__(self, connections: Connections, account_status: AccountStatus, *, period: float) -> None:
        self._outlets = connections
        self._standing = account_status
        self._period = period

    def install(self, app: web.Application) -> None:
        """Look while an application runs."""
        app.cleanup_ctx.append(self._run)

    async def look(self) -> None:
        """Look at everybody once."""
        readers: dict[AccessGrant, list[Connection]] = defaultdict(list)
        for connection, admitted in self._outlets.readers:
            readers[admitted].append(connection)
        passes = list(readers)
        for start in range(0, len(passes), _TOGETHER):
            for revoked in await self._fallen(passes[start : start + _TOGETHER]):
                for connection in readers[revoked]:
                    connection.end(GOODBYE)

    async def _fallen(self, passes: Sequence[AccessGrant]) -> set[AccessGrant]:
        try:
            return await self._standing.revoked(passes)
        except StoreError as error:
            log.warning("readers_not_judged", accounts=len(passes), error=type(error).__name__)
            return set()

    async def _run(self, _: web.Application) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._patrol(), name="readers' standing")
        yield
        looking.cancel()
        await asyncio.wait({looking})

    async def _patrol(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            try:
                await self.look()
            except Exception:
                log.exception("readers_not_judged")
