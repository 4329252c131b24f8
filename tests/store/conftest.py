from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from store.adapters import create_indexes
from store.commits.contract import EventStore
from store.commits.memory import MemoryEventStore
from store.commits.mongo import MongoEventStore
from store.generations.blobs import BlobStore
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.personal_data import PersonalDataStore
from store.mongo.connection import Database, open_database
from store.quota.ledger import Ledger
from store.quota.memory_ledger import MemoryLedger
from store.quota.mongo_ledger import MongoLedger
from tests.stores import settings_for


@pytest.fixture
def database(mongodb_url: str) -> Iterator[Database]:
    with open_database(settings_for(mongodb_url)) as database:
        yield database


@pytest.fixture(params=["memory", "mongo"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each test that asks for a port runs on both of its implementations."""
    return str(request.param)


@pytest.fixture
def if_mongo(kind: str, request: pytest.FixtureRequest) -> Callable[[], Database]:
    def ask() -> Database:
        database: Database = request.getfixturevalue("database")
        return database

    return ask


@pytest.fixture
async def events(kind: str, if_mongo: Callable[[], Database]) -> EventStore:
    if kind == "memory":
        return MemoryEventStore()
    await create_indexes(if_mongo(), [MongoEventStore])
    return MongoEventStore(if_mongo())


@pytest.fixture
async def personal_data(kind: str, if_mongo: Callable[[], Database]) -> PersonalDataStore:
    if kind == "memory":
        return MemoryPersonalData()
    await create_indexes(if_mongo(), [MongoPersonalData])
    return MongoPersonalData(if_mongo())


@pytest.fixture
async def blobs(kind: str, if_mongo: Callable[[], Database]) -> BlobStore:
    if kind == "memory":
        return MemoryBlobs()
    await create_indexes(if_mongo(), [MongoBlobs])
    return MongoBlobs(if_mongo())


@pytest.fixture
async def ledger(kind: str, if_mongo: Callable[[], Database]) -> Ledger:
    if kind == "memory":
        return MemoryLedger()
    await create_indexes(if_mongo(), [MongoLedger])
    return MongoLedger(if_mongo())


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()
