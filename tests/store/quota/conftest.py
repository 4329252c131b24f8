"""A store, a clock that a test moves, and generations that are decided on and appended."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from domain.accounts.quota import period_of
from domain.generation import decisions
from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.generation import Owner
from store.commits.contract import EventStore
from store.generations.generations import Generations
from store.generations.projection import Projection, row_of
from store.quota.admission import Admission
from store.quota.ledger import Bounds, Ledger
from tests.builders.clock import Clock
from tests.builders.generation import (
    COMPLETED,
    RESERVED,
    VALIDATED,
    failed,
    intended,
    requested,
    settled,
    started,
)
from tests.stores import OpenStore, open_store
from tests.systems.databases import Databases
from tests.systems.system import System

PAID = settled().model_copy(update={"cost_microusd": COMPLETED.cost_microusd})
BY_TEST = Cause(actor="actor:test")
FREE = Bounds(monthly=100, concurrent=1)
FAILED = failed("invalid_image", "validation")
AFTER_RESERVED: dict[str, tuple[Event, ...]] = {
    "completed": (intended(), started(), PAID, COMPLETED),
    "running": (),
}


def ignore(_: Commit) -> None: ...


@dataclass
class QuotaHarness:
    """Generations of one developer: held, appended, ended, settled."""

    events: EventStore
    ledger: Ledger
    clock: Callable[[], datetime]
    projection: Projection | None = None
    admission: Admission = field(init=False)
    generations: Generations = field(init=False)

    def __post_init__(self) -> None:
        self.generations = Generations(self.events, announce=ignore, clock=self.clock)
        self.admission = Admission(self.ledger, self.generations, clock=self.clock)

    async def safe_now(self) -> datetime:
        return self.clock()

    async def admit(
        self,
        name: str,
        bounds: Bounds = FREE,
        *,
        developer: str = "dev-1",
        project: str = "prj-1",
        user: str = "usr-1",
        queue: bool = False,
        key: str | None = None,
    ) -> Generation:
        """Hold and append, as the gateway does; with `queue` it waits where no slot is free."""
        period = period_of(self.clock())
        queue_for = user if queue else None
        slot = await self.admission.hold(developer, name, period=period, bounds=bounds, queue_for=queue_for)
        queued = queue and await self.admission.is_queued(developer, name)
        owner = Owner(developer=developer, project=project, user=user)
        return await self.append(name, owner, slot.period, queued=True if queued else None, api_key=key)

    async def begin(
        self,
        name: str,
        period: str = "2026-11",
        *,
        developer: str = "dev-1",
        project: str,
        user: str,
    ) -> Generation:
        """Append the first event alone."""
        return await self.append(name, Owner(developer=developer, project=project, user=user), period)

    async def append(self, name: str, owner: Owner, period: str, **more: Any) -> Generation:
        await self.generations.begin(name, requested(owner=owner, period=period, **more), cause=BY_TEST)
        return await self._written(name)

    async def live(self, name: str, end: str) -> Generation:
        """Append what happens until a generation is completed, failed or running."""
        generation = await self.generations.load(name)
        assert generation is not None
        await self.events.append(
            stream_of(name), generation.version, await self._until(generation, end), cause=BY_TEST, time=self.clock()
        )
        return await self._written(name)

    async def _until(self, generation: Generation, end: str) -> Sequence[Event]:
        if end == "failed":
            return [FAILED]
        slot = (await self.ledger.account(generation.request.owner.developer)).slot_of(generation.id)
        reserved = RESERVED.model_copy(update={"hold": slot.hold if slot else None})
        validated = [VALIDATED] if generation.validated is None else []
        return [*validated, reserved, *AFTER_RESERVED[end]]

    async def settle(self, name: str) -> Generation:
        """Settle the ledger, then append the settlement, as the quota actor does."""
        generation = await self._written(name)
        await self.admission.settle(generation)
        await self.generations.decide(name, decisions.settle_quota, cause=BY_TEST)
        return await self._written(name)

    async def admitted(self, developer: str, since: datetime) -> Sequence[str]:
        """List the generations of a developer, from the log."""
        names = {commit.stream.removeprefix("generation-") async for commit in self.events.commits()}
        found = [await self.generations.load(name) for name in names]
        return [g.id for g in found if g and g.request.owner.developer == developer and g.created_at >= since]

    async def _written(self, name: str) -> Generation:
        generation = await self.generations.load(name)
        assert generation is not None
        if self.projection is not None:
            await self.projection.write([row_of(generation, Timeouts(), {})])
        return generation


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def limits_url(databases: Databases) -> Iterator[str]:
    """Return the URL of one database for all tests that only need an empty store."""
    with databases.lent() as url:
        yield url


@pytest.fixture
async def store(limits_url: str, clock: Clock) -> AsyncIterator[OpenStore]:
    async with open_store(limits_url, clock=clock) as store:
        yield store
        for name in ("commits", "log", "ledger", "generations", "requests", "usage", "subscriptions"):
            await store.database[name].delete_many({})


@pytest.fixture
def harness(store: OpenStore, clock: Clock) -> QuotaHarness:
    return QuotaHarness(store.events, store.ledger, clock, store.projection)


@pytest.fixture
async def system_store(system: System) -> AsyncIterator[OpenStore]:
    """Open the store of a module's `system`."""
    async with system.open_store() as store:
        yield store
