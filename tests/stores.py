"""Open a store for tests: the adapters of the table, on one database."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

from exemplar.injection import Dependencies
from store.accounts.account_cache import AccountCache
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.deletions import Deletions
from store.accounts.platform import PlatformChanges
from store.adapters import ADAPTERS, prepare
from store.audit.checkpoints import Checkpoints
from store.audit.commit_scan import CommitScan
from store.audit.merkle_nodes import MerkleNodes
from store.audit.picture_scan import PictureScan
from store.commits.mongo import MongoEventStore
from store.generations.lists import Lists
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.predictions import Predictions
from store.generations.queue import Queue
from store.leases.mongo import MongoLeases
from store.log.feeds import Feeds
from store.log.mongo_sealed_log import MongoSealedLog
from store.log.parking import Parking
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Database, connect, open_database
from store.quota.durations import RecentDurations
from store.quota.mongo_ledger import MongoLedger
from store.quota.request_counts import RequestCounts
from store.quota.usage import Usage
from store.quota.usage_sums import UsageSums
from store.settings import StoreSettings
from store.webhooks.endpoints import WebhookEndpoints
from store.webhooks.mongo_deliveries import MongoDeliveries

Made = TypeVar("Made")


class OpenStore:
    """The adapters on one database as attributes, each made when it is first used."""

    events: MongoEventStore
    personal_data: MongoPersonalData
    blobs: MongoBlobs
    ledger: MongoLedger
    projection: MongoProjection
    predictions: Predictions
    lists: Lists
    queue: Queue
    usage: Usage
    usage_sums: UsageSums
    durations: RecentDurations
    request_counts: RequestCounts
    sealed_log: MongoSealedLog
    feeds: Feeds
    subscriptions: SubscriberCheckpoints
    parking: Parking
    merkle_nodes: MerkleNodes
    checkpoints: Checkpoints
    commit_scan: CommitScan
    picture_scan: PictureScan
    leases: MongoLeases
    account_cache: AccountCache
    accounts: Accounts
    account_changes: AccountChanges
    platform_changes: PlatformChanges
    deletions: Deletions
    endpoints: WebhookEndpoints
    deliveries: MongoDeliveries

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.database = database
        self._dependencies = Dependencies(ADAPTERS, database=database, clock=clock, holder="tests")

    def set(self, **values: object) -> None:
        """Add or replace dependencies."""
        self._dependencies.set(**values)

    def make(self, adapter: Callable[..., Made]) -> Made:
        """Make another instance of an adapter, as another process would have it."""
        return self._dependencies.call(adapter)

    def __getattr__(self, name: str) -> Any:
        return self._dependencies.get(name)


@cache
def settings_for(url: str, *, timeout_ms: int = 2000, driver: str = "motor") -> StoreSettings:
    given = {"mongodb_url": url, "mongodb_timeout_ms": timeout_ms, "mongodb_driver": driver}
    return StoreSettings.model_validate(given)


_kept: dict[str, Database] = {}
"""By the URL of a server, a database whose connections are kept."""


@contextmanager
def kept_connections(server_url: str) -> Iterator[None]:
    """Open all databases of a server on the same connections: to make new ones costs as much as ten appends."""
    kept = _kept[server_url] = connect(settings_for(server_url))
    try:
        yield
    finally:
        del _kept[server_url]
        kept.client.close()


@asynccontextmanager
async def open_on_kept_connections(url: str) -> AsyncIterator[Database]:
    """Open a database as the product does, on the kept connections of its server if there are any."""
    server, _, parameters = url.partition("?")
    server, _, name = server.rpartition("/")
    kept = _kept.get(f"{server}/?{parameters}")
    if kept is None:
        async with open_database(settings_for(url)) as database:
            yield database
    else:
        client: Any = copy(kept.client)
        client._io_loop = None  # each test has its own
        yield client.get_database(name, write_concern=kept.write_concern, read_concern=kept.read_concern)


@asynccontextmanager
async def open_store(
    url: str, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC), prepared: bool = False
) -> AsyncIterator[OpenStore]:
    """Connect, create all indexes if `prepared`, and close at the end."""
    async with open_on_kept_connections(url) as database:
        if prepared:
            await prepare(database)
        yield OpenStore(database, clock=clock)
