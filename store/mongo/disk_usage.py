from typing import NamedTuple

from store.mongo.connection import Database, raises_unavailable


class Usage(NamedTuple):
    """Bytes: of the database on disk, used of the file system that holds it, and its size; 0 where it is not told."""

    storage: int
    used: int
    size: int


@raises_unavailable
class DiskUsage:
    """Ask MongoDB for its disk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self) -> Usage:
        """Read the statistics of the database; a sharded one tells no file system."""
        found = await self._database.command("dbStats")
        storage = found.get("storageSize", 0) + found.get("indexSize", 0)
        return Usage(int(storage), int(found.get("fsUsedSize", 0)), int(found.get("fsTotalSize", 0)))
