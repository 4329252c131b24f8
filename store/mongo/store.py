"""The whole memory of a process, opened together."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from pymongo.errors import PyMongoError

from domain.audit.checkpoint_key import CheckpointSettings
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.developers import Developers
from store.accounts.drafts import AccountDrafts
from store.accounts.platform import PlatformChanges
from store.accounts.projector import AccountProjector
from store.adapters import prepare
from store.audit.checkpointing import Checkpointer, open_checkpointer
from store.audit.checkpoints import MongoCheckpoints
from store.audit.commit_scan import MongoScan
from store.commits.mongo import MongoEventStore
from store.generations.lists import Lists
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.predictions import Predictions
from store.generations.queue import Queue
from store.log.feeds import MongoFeeds
from store.log.mongo_parking import MongoParking
from store.log.sealed_log import SealedLog
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import connect
from store.mongo.leases import MongoLeases
from store.quota.durations import RecentDurations
from store.quota.mongo_ledger import MongoLedger
from store.quota.mongo_requests import MongoRequestCounts
from store.quota.usage import Usage
from store.settings import StoreSettings
from store.webhooks.mongo_outgoing import MongoOutgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class MongoStore:
    """Every part of the store on one connection pool."""

    client: Any
    events: MongoEventStore
    personal_data: MongoPersonalData
    blobs: MongoBlobs
    ledger: MongoLedger
    projection: MongoProjection
    lists: Lists
    queue: Queue
    log: SealedLog
    checkpoints: MongoCheckpoints
    scan: MongoScan
    feeds: MongoFeeds
    subscribers: SubscriberCheckpoints
    parking: MongoParking
    leases: MongoLeases
    predictions: Predictions
    outgoing: MongoOutgoing
    requests: MongoRequestCounts
    durations: RecentDurations
    usage: Usage
    accounts: Accounts
    drafts: AccountDrafts
    account_projector: AccountProjector

    @classmethod
    def open(cls, settings: StoreSettings, *, holder: str, clock: Callable[[], datetime]) -> Self:
        """Connect lazily; `holder` names this process in leases. StoreError for what is no address."""
        database = connect(settings)
        return cls(
            client=database.client,
            events=MongoEventStore(database),
            personal_data=MongoPersonalData(database),
            blobs=MongoBlobs(database),
            ledger=MongoLedger(database),
            projection=MongoProjection(database),
            lists=Lists(database),
            queue=Queue(database),
            log=SealedLog(database),
            checkpoints=MongoCheckpoints(database),
            scan=MongoScan(database),
            feeds=MongoFeeds(database),
            subscribers=SubscriberCheckpoints(database),
            parking=MongoParking(database),
            leases=MongoLeases(database, holder=holder),
            predictions=Predictions(database),
            outgoing=MongoOutgoing(database),
            requests=MongoRequestCounts(database),
            durations=RecentDurations(database),
            usage=Usage(database),
            accounts=Accounts(database, clock),
            drafts=AccountDrafts(database, clock),
            account_projector=AccountProjector(database),
        )

    def account_changes(self, clock: Callable[[], datetime]) -> AccountChanges:
        """Open the way to change accounts."""
        developers = Developers(self.events, self.account_projector, clock=clock)
        return AccountChanges(self.accounts, self.drafts, developers)

    def platform_changes(self, clock: Callable[[], datetime]) -> PlatformChanges:
        """Open the way to change the platform's own people."""
        return PlatformChanges(self.accounts.database, self.events, self.drafts, clock=clock)

    def checkpointer(
        self, settings: CheckpointSettings, clock: Callable[[], datetime]
    ) -> Checkpointer | None:
        """Make what signs the log; None without a key."""
        return open_checkpointer(settings, self.checkpoints, clock=clock)

    async def prepare(self) -> None:
        """Create all indexes; repeatable, and the first proof that the store can be reached."""
        await prepare(self.client.get_default_database("exemplar"))

    async def health(self) -> dict[str, Any]:
        """Ask the server how it is, for at most two seconds."""
        try:
            async with asyncio.timeout(2):
                info = await self.client.server_info()
        except (PyMongoError, TimeoutError) as error:
            return {"status": "unhealthy", "connection": "failed", "error": type(error).__name__}
        return {"status": "healthy", "connection": "ok", "version": info["version"]}

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
