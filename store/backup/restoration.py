"""What a database remembers of its last restoration."""

from dataclasses import dataclass
from datetime import datetime

from store.backup.restoring import RESTORED
from store.mongo.connection import Database, raises_unavailable


@dataclass(frozen=True, slots=True)
class Restoration:
    """The state of `moment` was restored `at` another; what was done between the two is not in the log."""

    moment: datetime
    at: datetime


@raises_unavailable
class Restorations:
    """The last restoration of the database."""

    def __init__(self, database: Database) -> None:
        self._meta = database["meta"]

    async def last(self) -> Restoration | None:
        """Read it; None where the database was never restored."""
        found = await self._meta.find_one({"_id": RESTORED})
        return None if found is None else Restoration(found["moment"], found["at"])
