from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from domain.audit.checkpoint_key import SigningKey
from events.envelope import Cause
from events.invocation import GenerationProgressed
from store.audit.checkpointing import Checkpointer
from store.audit.checkpoints import StoredCheckpoint
from store.audit.verification import AuditReport, verify
from store.mongo.connection import open_database
from tests.stores import OpenStore, settings_for

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = SigningKey("exemplar", bytes(range(32)))


class AuditHarness:
    """A log that is written, sealed, signed and verified."""

    def __init__(self, store: OpenStore) -> None:
        self.store, self.database = store, store.database
        self.key = KEY
        self.progress: list[tuple[int, int]] = []
        self._now = NOON

    async def write(self, stream: str, *, after: int = 0, events: int = 1) -> None:
        """Append one commit, a second and some microseconds after the last."""
        facts = [GenerationProgressed(percent=number) for number in range(events)]
        cause = Cause(actor="actor:test", traceparent="00-1-2-01" if after % 2 else None)
        await self.store.events.append(stream, after, facts, cause=cause, time=self.tick())

    async def fill(self) -> None:
        """Write nine commits of three streams, one of them with three events, and seal them."""
        await self.write("a", events=3)
        for stream in ("b", "c"):
            for version in range(4):
                await self.write(stream, after=version)
        await self.seal()

    async def seal(self) -> None:
        while await self.store.sealed_log.seal():
            pass

    async def sign(self, *, key: SigningKey = KEY) -> StoredCheckpoint | None:
        trusted = (KEY.public, key.public)
        maker = Checkpointer(self.store.checkpoints, signer=key, trusted=trusted, clock=self.tick)
        return await maker.make()

    async def verify(self, key: SigningKey = KEY) -> AuditReport:
        scan, checkpoints = self.store.commit_scan, self.store.checkpoints
        return await verify(scan, checkpoints, [key.public], lambda *progress: self.progress.append(progress))

    async def tamper(self, collection: str, where: dict[str, object], change: dict[str, object]) -> None:
        """Change one document directly in MongoDB."""
        result = await self.database[collection].update_one(where, {"$set": change})
        assert result.modified_count == 1

    async def signed_sizes(self) -> list[int]:
        return [checkpoint.size async for checkpoint in self.store.checkpoints.all()]

    def tick(self) -> datetime:
        self._now += timedelta(seconds=1, microseconds=1001)
        return self._now


@pytest.fixture
async def audit_log(mongodb_url: str) -> AsyncIterator[AuditHarness]:
    async with open_database(settings_for(mongodb_url)) as database:
        yield AuditHarness(OpenStore(database))
