from collections.abc import Awaitable, Callable
from datetime import datetime

from store.mongo.connection import Database, raises_unavailable


@raises_unavailable
class ServerTime:
    """Read the clock of MongoDB's server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self) -> datetime:
        """Return the time; StoreUnavailableError."""
        told = await self._database.command("hello", codec_options=self._database.codec_options)
        now: datetime = told["localTime"]
        return now


class SafeNow:
    """The earlier of this process's clock and MongoDB's: a step of one clock ends or deletes nothing early."""

    def __init__(self, clock: Callable[[], datetime], server_time: Callable[[], Awaitable[datetime]]) -> None:
        self._clock = clock
        self._server_time = server_time

    async def __call__(self) -> datetime:
        """Return the time; StoreUnavailableError."""
        return min(self._clock(), await self._server_time())
