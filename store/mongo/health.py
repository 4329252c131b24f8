import asyncio
from typing import Any

from pymongo.errors import PyMongoError

from store.mongo.connection import Database

_TIMEOUT_S = 2


class DatabaseHealth:
    """Check that MongoDB answers."""

    def __init__(self, database: Database) -> None:
        self._client = database.client

    async def __call__(self) -> dict[str, Any]:
        """Return status, connection, version and the name of the error, within two seconds."""
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                info = await self._client.server_info()
        except (PyMongoError, TimeoutError) as error:
            return _health("unhealthy", "failed", error=type(error).__name__)
        return _health("healthy", "ok", version=info["version"])


def _health(status: str, connection: str, *, version: str | None = None, error: str | None = None) -> dict[str, Any]:
    return {"status": status, "connection": connection, "version": version, "error": error}
