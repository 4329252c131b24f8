from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from store.mongo.batcher import shared
from store.mongo.connection import Database, Document, raises_unavailable


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause of all processes: why, and how many seconds are left of it."""

    reason: str
    seconds: float


def refused_token(provider: str) -> str:
    """Name what looks like a pause while a process has a token that the provider refuses; no call waits for it."""
    return f"{provider} token"


class Pauses(Protocol):
    """Pauses of something that all processes use, such as an account; each ends by itself."""

    async def begin(self, name: str, pause: Pause) -> None:
        """Begin a pause, unless a longer one is under way."""

    async def current(self, name: str) -> Pause | None:
        """Return the pause that is under way, if any."""


class MemoryPauses:
    """Pauses of one process alone, by the monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._pauses: dict[str, tuple[str, float]] = {}

    async def begin(self, name: str, pause: Pause) -> None:
        until = self._monotonic() + pause.seconds
        if until > self._pauses.get(name, ("", 0.0))[1]:
            self._pauses[name] = pause.reason, until

    async def current(self, name: str) -> Pause | None:
        reason, until = self._pauses.get(name, ("", 0.0))
        left = until - self._monotonic()
        return Pause(reason, left) if left > 0 else None


@raises_unavailable
class MongoPauses:
    """Pauses in collection `pauses`, by the server's clock; concurrent calls share a round trip."""

    def __init__(self, database: Database) -> None:
        self._pauses = database.get_collection("pauses")
        self._found = shared(self._find)

    async def begin(self, name: str, pause: Pause) -> None:
        until = {"$add": ["$$NOW", int(pause.seconds * 1000)]}
        longer = {"$gt": [until, "$until"]}  # than a missing one too
        change: Document = {
            "reason": {"$cond": [longer, {"$literal": pause.reason}, "$reason"]},
            "until": {"$cond": [longer, until, "$until"]},
        }
        await self._pauses.update_one({"_id": name}, [{"$set": change}], upsert=True)

    async def current(self, name: str) -> Pause | None:
        return await self._found.put(name)

    async def _find(self, name: str) -> Pause | None:
        left = {"$subtract": ["$until", "$$NOW"]}
        found = await self._pauses.find_one({"_id": name}, {"reason": 1, "left": left})
        return Pause(found["reason"], found["left"] / 1000) if found and found["left"] > 0 else None
