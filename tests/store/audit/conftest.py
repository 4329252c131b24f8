from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from domain.audit.checkpoint_key import SigningKey
from domain.audit.checkpoints import Checkpoint
from domain.audit.kept_content import Retention
from domain.generation.generation import stream_of
from events.envelope import Cause
from events.invocation import GenerationProgressed
from store.audit.checkpointing import Checkpointer
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.content_scan import ContentScan
from store.audit.content_verification import ContentCheck, ContentReport
from store.audit.log_range import LogRange
from store.audit.merkle_nodes import LEVELS, MerkleNodes
from store.audit.picture_verification import PictureReport, verify_pictures
from store.audit.range_verification import RangeVerification, VerifiedPart, VerifiedRange
from store.audit.verification import AuditReport, VerifiedRanges, verify
from tests.builders.stored_generation import StoredGeneration, stored_generation
from tests.stores import OpenStore, open_on_kept_connections

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEPT = Retention(timedelta(days=90), timedelta(days=30), None)
KEY = SigningKey("exemplar", bytes(range(32)))


class AuditHarness:
    """A log that is written, sealed, signed and verified."""

    def __init__(self, store: OpenStore, levels: Sequence[int] = LEVELS) -> None:
        self.store, self.database = store, store.database
        self.checkpoints = Checkpoints(self.database, MerkleNodes(self.database, levels=levels))
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
        maker = Checkpointer(self.checkpoints, signer=key, trusted=trusted, clock=self.tick)
        return await maker.make()

    async def verify(
        self, key: SigningKey = KEY, kept: Sequence[Checkpoint] = (), ranges: VerifiedRanges | None = None
    ) -> AuditReport:
        scan, note = self.store.commit_scan, lambda *progress: self.progress.append(progress)
        return await verify(scan, self.checkpoints, [key.public], note, kept, ranges=ranges)

    def in_ranges(self, count: int) -> VerifiedRanges:
        """Verify the log in `count` ranges, one after the other."""

        async def parts(whole: LogRange) -> AsyncGenerator[VerifiedPart | VerifiedRange, None]:
            for within in whole.divided(count):
                async for part in RangeVerification(self.store.commit_scan).parts(within):
                    yield part

        return parts

    async def verify_pictures(self) -> PictureReport:
        return await verify_pictures(self.store.picture_scan, self.checkpoints, lambda *_: None, pause=0)

    async def verify_content(self, *, now: datetime = NOON, keep: Retention = KEPT) -> ContentReport:
        scan = self.store.make(ContentScan)
        check = ContentCheck(
            content_scan=scan, checkpoints=self.checkpoints, retention=keep, clock=lambda: now, pause=0.001
        )
        return await check.run(lambda *_: None)

    async def complete(
        self, generation: str, example: int, result: int, *, copies: int = 1, retry_of: str | None = None
    ) -> StoredGeneration:
        """Store a completed generation with pictures of these sizes, and with copies of its example."""
        made = stored_generation(generation, example, result, time=NOON, copies=copies, retry_of=retry_of)
        await self.store.personal_data.put(made.personal_data)
        await self.store.blobs.put(*made.blobs)
        for after, event in enumerate(made.events):
            cause = Cause(actor="actor:test")
            await self.store.events.append(stream_of(generation), after, [event], cause=cause, time=self.tick())
        return made

    async def tamper(self, collection: str, where: dict[str, object], change: dict[str, object]) -> None:
        """Change one document directly in MongoDB."""
        result = await self.database[collection].update_one(where, {"$set": change})
        assert result.modified_count == 1

    async def signed_sizes(self) -> list[int]:
        return [checkpoint.size async for checkpoint in self.checkpoints.all()]

    def tick(self) -> datetime:
        self._now += timedelta(seconds=1, microseconds=1001)
        return self._now


@asynccontextmanager
async def opened(mongodb_url: str, levels: Sequence[int]) -> AsyncIterator[AuditHarness]:
    async with open_on_kept_connections(mongodb_url) as database:
        yield AuditHarness(OpenStore(database), levels)


@pytest.fixture
async def audit_log(mongodb_url: str) -> AsyncIterator[AuditHarness]:
    async with opened(mongodb_url, LEVELS) as harness:
        yield harness


@pytest.fixture
async def deep_log(mongodb_url: str) -> AsyncIterator[AuditHarness]:
    """A log of which the Merkle nodes of every second level are stored."""
    async with opened(mongodb_url, (2, 4, 6)) as harness:
        yield harness
