from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from store.commits.contract import EventStore
from store.commits.memory import MemoryEventStore
from store.commits.mongo import MongoEventStore
from store.generations.blobs import BlobStore
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.personal_data import PersonalDataStore
from store.mongo.connection import Database, open_client, open_database
from store.quota.ledger import Ledger
from store.quota.memory_ledger import MemoryLedger
from store.quota.mongo_ledger import MongoLedger
from store.settings import StoreSettings


def settings_for(url: str) -> StoreSettings:
    return StoreSettings.model_validate({"mongodb_url": url, "mongodb_timeout_ms": 2000})


@pytest.fixture
def database(mongodb_url: str) -> Iterator[Database]:
    settings = settings_for(mongodb_url)
    client = open_client(settings)
    yield open_database(client, settings)
    client.close()


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
    store = MongoEventStore(if_mongo())
    await store.ensure_indexes()
    return store


@pytest.fixture
async def personal_data(kind: str, if_mongo: Callable[[], Database]) -> PersonalDataStore:
    if kind == "memory":
        return MemoryPersonalData()
    store = MongoPersonalData(if_mongo())
    await store.ensure_indexes()
    return store


@pytest.fixture
async def blobs(kind: str, if_mongo: Callable[[], Database]) -> BlobStore:
    if kind == "memory":
        return MemoryBlobs()
    store = MongoBlobs(if_mongo())
    await store.ensure_indexes()
    return store


@pytest.fixture
async def ledger(kind: str, if_mongo: Callable[[], Database]) -> Ledger:
    if kind == "memory":
        return MemoryLedger()
    store = MongoLedger(if_mongo())
    await store.ensure_indexes()
    return store


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
