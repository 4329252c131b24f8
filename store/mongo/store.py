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
from store.audit.checkpoints import Checkpoints
from store.audit.commit_scan import CommitScan
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
from store.mongo.connection import Database, connect
from store.quota.durations import RecentDurations
from store.quota.mongo_ledger import MongoLedger
from store.quota.request_counts import RequestCounts
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
    log: MongoSealedLog
    checkpoints: Checkpoints
    scan: CommitScan
    feeds: Feeds
    subscribers: SubscriberCheckpoints
    parking: Parking
    leases: MongoLeases
    predictions: Predictions
    outgoing: MongoOutgoing
    requests: RequestCounts
    durations: RecentDurations
    usage: Usage
    accounts: Accounts
    drafts: AccountDrafts
    account_projector: AccountProjector

    @classmethod
    def open(cls, settings: StoreSettings, *, holder: str, clock: Callable[[], datetime]) -> Self:
        """Connect lazily; `holder` names this process in leases. StoreError for what is no address."""
        return cls.on(connect(settings), holder=holder, clock=clock)

    @classmethod
    def on(cls, database: Database, holder: str, clock: Callable[[], datetime]) -> Self:
        """Make every part on one database."""
        return cls(
            client=database.client,
            events=MongoEventStore(database),
            personal_data=MongoPersonalData(database),
            blobs=MongoBlobs(database),
            ledger=MongoLedger(database),
            projection=MongoProjection(database),
            lists=Lists(database),
            queue=Queue(database),
            log=MongoSealedLog(database),
            checkpoints=Checkpoints(database),
            scan=CommitScan(database),
            feeds=Feeds(database),
            subscribers=SubscriberCheckpoints(database),
            parking=Parking(database),
            leases=MongoLeases(database, holder=holder),
            predictions=Predictions(database),
            outgoing=MongoOutgoing(database),
            requests=RequestCounts(database),
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
