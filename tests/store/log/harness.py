from collections import defaultdict
from datetime import UTC, datetime

from events.envelope import Cause
from events.invocation import GenerationProgressed
from store.commits.contract import EventStore
from store.log.sealed_log import SealedLog

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAUSE = Cause(actor="actor:test")


class LogHarness:
    """A sealed log with its commits, and a check of its order."""

    def __init__(self, events: EventStore, log: SealedLog) -> None:
        self.events = events
        self.log = log

    async def write(self, stream: str, expected: int, count: int = 1, *, time: datetime = NOON) -> None:
        facts = [GenerationProgressed(percent=number) for number in range(count)]
        await self.events.append(stream, expected, facts, cause=CAUSE, time=time)

    async def seal_all(self) -> None:
        while await self.log.seal():
            pass

    async def order(self) -> list[str]:
        """Read the whole order and check it: dense, each commit once, each stream in its own order."""
        sealed = await self.log.read(after=0, limit=10_000)
        assert [entry.position for entry in sealed] == list(range(1, len(sealed) + 1))
        reached: dict[str, int] = defaultdict(int)
        for entry in sealed:
            assert entry.first == reached[entry.stream] + 1
            reached[entry.stream] = entry.last
        return [entry.id for entry in sealed]
