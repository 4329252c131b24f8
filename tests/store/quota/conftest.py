"""A store, a clock that a test moves, and lives of generations that are really decided and appended."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from pymongo import MongoClient

from domain.accounts.quota import period_of
from domain.generation import decisions
from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.generation import Owner
from exemplar.local.pids import PidFiles
from exemplar.local.processes import Child, Program
from exemplar.local.programs import RANKS, answers
from store.commits.contract import EventStore
from store.generations.generations import Generations
from store.generations.projection import Projection, row_of
from store.mongo.store import MongoStore
from store.quota.admission import Admission
from store.quota.ledger import Bounds, Ledger
from store.settings import StoreSettings
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
from tests.journeys.system import GRACE_S, System

NOWHERE = "amqp://nobody:nothing@127.0.0.1:1/"
BY_TEST = Cause(actor="actor:test")
FREE = Bounds(monthly=100, concurrent=1)
TO_SETTLED = (VALIDATED, RESERVED, intended(), started(), settled())
ENDS: dict[str, tuple[Event, ...]] = {
    "completed": (*TO_SETTLED, COMPLETED),
    "failed": (failed("invalid_image", "validation"),),
    "running": (VALIDATED, RESERVED),
}


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


def ignore(_: Commit) -> None: ...


@dataclass
class Studio:
    """One developer's generations: held, appended, brought to an end, settled."""

    events: EventStore
    ledger: Ledger
    clock: Callable[[], datetime]
    projection: Projection | None = None
    admission: Admission = field(init=False)
    generations: Generations = field(init=False)

    def __post_init__(self) -> None:
        self.generations = Generations(self.events, announce=ignore, clock=self.clock)
        self.admission = Admission(self.ledger, self.generations, clock=self.clock)

    async def admit(
        self,
        name: str,
        bounds: Bounds = FREE,
        *,
        developer: str = "dev-1",
        project: str = "prj-1",
        user: str = "usr-1",
    ) -> Generation:
        """Hold and append, as the door does."""
        account = await self.admission.hold(developer, name, period=period_of(self.clock()), bounds=bounds)
        slot = account.slot_of(name)
        assert slot is not None
        owner = Owner(developer=developer, project=project, user=user)
        event = requested(owner=owner, period=slot.period)
        await self.generations.begin(name, event, cause=BY_TEST)
        return await self._written(name)

    async def live(self, name: str, end: str) -> Generation:
        """Append what happens until a generation is completed, failed or running."""
        generation = await self.generations.load(name)
        assert generation is not None
        await self.events.append(
            stream_of(name), generation.version, ENDS[end], cause=BY_TEST, time=self.clock()
        )
        return await self._written(name)

    async def settle(self, name: str) -> Generation:
        """Settle the ledger, then say so in the log, as the quota actor does."""
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
def limits_url(mongod: str) -> Iterator[str]:
    """Return the URL of one prepared database for all tests that only need an empty store."""
    base, _, parameters = mongod.partition("?")
    name = f"limits_{uuid.uuid4().hex[:8]}"
    url = f"{base}{name}?{parameters}"
    asyncio.run(_prepared(url))
    yield url
    with MongoClient[dict[str, object]](mongod) as client:
        client.drop_database(name)


def _opened(url: str, clock: Callable[[], datetime]) -> MongoStore:
    settings = StoreSettings.model_validate({"mongodb_url": url})
    return MongoStore.open(settings, holder="limits", clock=clock)


async def _prepared(url: str) -> None:
    store = _opened(url, Clock())
    await store.prepare()
    store.close()


@pytest.fixture
async def store(limits_url: str, clock: Clock) -> AsyncIterator[MongoStore]:
    store = _opened(limits_url, clock)
    yield store
    database = store.client.get_default_database()
    for name in ("commits", "ledger", "generations", "requests"):
        await database.get_collection(name).delete_many({})
    store.close()


@pytest.fixture
def studio(store: MongoStore, clock: Clock) -> Studio:
    return Studio(store.events, store.ledger, clock, store.projection)


class Doors(System):
    """A system in one process, and any number of gateways beside it that publish nothing themselves."""

    first = second = ""

    @property
    def base_url(self) -> str:
        return self.first or super().base_url

    def open_door(self, name: str, *command: str) -> str:
        """Start a gateway, or the given program in its place; return its base URL."""
        port = self._extra_ports.of(name)
        program = Program(
            name=name,
            command=command or (*self.options.command, "gateway"),
            env=self.env | {"EXEMPLAR_PORT": str(port), "EXEMPLAR_AMQP_URL": NOWHERE},
            log=self.log_file(name),
            rank=RANKS["gateway"],
            grace_s=GRACE_S,
        )
        child = self._children[name] = Child(program, PidFiles(self.home))
        child.start()
        child.wait_until(answers(port), deadline_s=60)
        return f"http://127.0.0.1:{port}"

    async def dead(self, name: str) -> int:
        """Wait until a process has ended; return its exit code."""
        code = await self._children[name].ended()
        self._children[name].stop()
        return code


@contextmanager
def opened(home: Path, mongod: str, **environ: str) -> Iterator[Doors]:
    base, _, parameters = mongod.partition("?")
    database = f"limits_{uuid.uuid4().hex[:8]}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        doors = Doors(home, f"{base}{database}?{parameters}", None)
    try:
        yield doors
    finally:
        doors.close()
        with MongoClient[dict[str, object]](mongod) as client:
            client.drop_database(database)


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=60)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session
