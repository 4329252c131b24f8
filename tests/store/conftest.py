import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from store.commits.contract import EventStore
from store.commits.memory import MemoryEventStore
from store.commits.mongo import MongoEventStore
from store.generations.blobs import BlobStore
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.memory_projection import MemoryProjection
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection
from store.generations.s3_blobs import S3Blobs
from store.mongo.connection import Database, connect, open_database
from store.mongo.safe_now import ServerTime
from store.objects.s3_objects import S3Objects
from store.objects.uploads import Uploads
from store.quota.ledger import Ledger
from store.quota.memory_ledger import MemoryLedger
from store.quota.mongo_ledger import MongoLedger
from store.settings import StoreSettings
from tests.builders.clock import Clock
from tests.conftest import CloseAfter
from tests.store.lossy_proxy import LossyProxy
from tests.stores import open_on_kept_connections, settings_for
from tests.systems.databases import Databases, Once
from tests.systems.object_storage import ObjectStorage, opened_object_storage, s3_settings

Choose = Callable[[type[Any], type[Any]], Any]


@pytest.fixture
async def database(mongodb_url: str) -> AsyncIterator[Database]:
    async with open_on_kept_connections(mongodb_url) as database:
        yield database


@pytest.fixture(scope="module")
def once(databases: Databases) -> Once:
    """Let a fixture write for the first test of a module, and copy for all others."""
    return Once(databases)


@pytest.fixture(params=["memory", "motor", "pymongo"])
def kind(request: pytest.FixtureRequest) -> str:
    """Run a test of a contract on both adapters, on that for MongoDB with both drivers."""
    return str(request.param)


@pytest.fixture
def settings(kind: str, request: pytest.FixtureRequest) -> StoreSettings | None:
    return None if kind == "memory" else settings_for(request.getfixturevalue("mongodb_url"), driver=kind)


@pytest.fixture
async def if_mongo(settings: StoreSettings | None) -> AsyncIterator[Callable[[], Database]]:
    async with AsyncExitStack() as stack:
        if settings is not None:
            url, is_motor = settings.mongodb_url.get_secret_value(), settings.mongodb_driver == "motor"
            opened = open_on_kept_connections(url) if is_motor else open_database(settings)
            database = await stack.enter_async_context(opened)
        yield lambda: database


@pytest.fixture
def choose(kind: str, if_mongo: Callable[[], Database]) -> Choose:
    """Make the in-memory adapter or the one for MongoDB."""
    return lambda memory, mongo: memory() if kind == "memory" else mongo(if_mongo())


@pytest.fixture
def events(choose: Choose) -> EventStore:
    events: EventStore = choose(MemoryEventStore, MongoEventStore)
    return events


@pytest.fixture
def personal_data(choose: Choose) -> PersonalDataStore:
    personal_data: PersonalDataStore = choose(MemoryPersonalData, MongoPersonalData)
    return personal_data


@pytest.fixture
def blobs(choose: Choose) -> BlobStore:
    blobs: BlobStore = choose(MemoryBlobs, MongoBlobs)
    return blobs


@pytest.fixture(scope="session")
def object_storage(tmp_path_factory: pytest.TempPathFactory, close_after: CloseAfter) -> Iterator[ObjectStorage]:
    with opened_object_storage(tmp_path_factory.mktemp("s3")) as storage:
        close_after(Path(__file__).parent, storage.stop)
        yield storage


@pytest.fixture
def bucket(object_storage: ObjectStorage) -> str:
    return object_storage.new_bucket()


@pytest.fixture
async def objects(object_storage: ObjectStorage, bucket: str) -> AsyncIterator[S3Objects]:
    async with S3Objects(s3_settings(object_storage.url, bucket, s3_prefix="e/")) as objects:
        yield objects


@pytest.fixture
def s3_blobs(database: Database, objects: S3Objects) -> S3Blobs:
    return make_s3_blobs(database, objects)


def make_s3_blobs(database: Database, objects: S3Objects, *, blob_store: str = "s3", safe_now: Any = None) -> S3Blobs:
    settings = StoreSettings.model_validate({"mongodb_url": "mongodb://unused", "blob_store": blob_store})
    return S3Blobs(
        database,
        objects=objects,
        uploads=Uploads(database),
        store_settings=settings,
        safe_now=safe_now or ServerTime(database),
    )


@pytest.fixture
def projection(choose: Choose) -> Projection:
    projection: Projection = choose(MemoryProjection, MongoProjection)
    return projection


@pytest.fixture
def ledger(choose: Choose) -> Ledger:
    ledger: Ledger = choose(MemoryLedger, MongoLedger)
    return ledger


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def proxy(mongod: str) -> LossyProxy:
    port = int(mongod.partition("127.0.0.1:")[2].partition("/")[0])
    return LossyProxy(port)


@pytest.fixture
async def proxied_database(proxy: LossyProxy, mongodb_url: str) -> AsyncIterator[Database]:
    """A database behind that proxy; the heartbeats of the driver poll, so that each request has one answer."""
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    name = mongodb_url.rpartition("/")[2].partition("?")[0]
    settings = settings_for(f"mongodb://127.0.0.1:{port}/{name}?directConnection=true&serverMonitoringMode=poll")
    database = connect(settings)
    yield database
    # The driver closes its connections through the proxy, which runs on this loop.
    await asyncio.to_thread(database.client.close)
    server.close()
