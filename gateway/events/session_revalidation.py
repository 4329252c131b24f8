"""Open streams end when whoever reads them may do so no more: revoked, logged out, deleted."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

import structlog
from aiohttp import web

from gateway.auth.account_status import Pass, Standing
from gateway.events.connection import Outlet
from gateway.events.connections import Outlets
from gateway.events.sse import frame
from store.errors import StoreError

_TOGETHER = 500  # accounts in one query

GOODBYE = frame("goodbye", {"reason": "credentials"})

log = structlog.get_logger()


class Guard:
    """Look at all readers of a process every `period` seconds, some hundred accounts in one question.

    While the store cannot be asked nobody is sent away: nor can anything new be read then.
    """

    def __init__(self, outlets: Outlets, standing: Standing, *, period: float) -> None:
        self._outlets = outlets
        self._standing = standing
        self._period = period

    def install(self, app: web.Application) -> None:
        """Look while an application runs."""
        app.cleanup_ctx.append(self._run)

    async def look(self) -> None:
        """Look at everybody once."""
        readers: dict[Pass, list[Outlet]] = defaultdict(list)
        for outlet, admitted in self._outlets.readers:
            readers[admitted].append(outlet)
        passes = list(readers)
        for start in range(0, len(passes), _TOGETHER):
            for fallen in await self._fallen(passes[start : start + _TOGETHER]):
                for outlet in readers[fallen]:
                    outlet.end(GOODBYE)

    async def _fallen(self, passes: Sequence[Pass]) -> set[Pass]:
        try:
            return await self._standing.fallen(passes)
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
