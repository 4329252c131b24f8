"""Session revalidation: open streams end when the grant they were opened with is revoked."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import structlog

from gateway.auth.account_status import AccessGrant, AccountStatus
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.settings import StreamSettings
from gateway.events.sse import goodbye
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
                    connection.end(goodbye("credentials"))

    async def _revoked(self, grants: Sequence[AccessGrant]) -> set[AccessGrant]:
        try:
            return await self._account_status.revoked(grants)
        except StoreError as error:
            log.warning("grants_not_revalidated", grants=len(grants), error=type(error).__name__)
            return set()
