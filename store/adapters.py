"""The MongoDB adapter behind each dependency name, and the database that they work on.

An adapter's constructor names what it needs (`database`, `clock`, `holder`, ...), so that it can be injected.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Final

from metrics.metrics import NO_METRICS, Metrics
from store.accounts.account_cache import AccountCache
from store.accounts.accounts import Accounts
from store.accounts.changes import AccountChanges
from store.accounts.deletions import Deletions
from store.accounts.platform import PlatformChanges
from store.audit.access_streams import AccessStreams
from store.audit.audit_log import AuditLog
from store.audit.checkpoints import Checkpoints
from store.audit.commit_scan import CommitScan
from store.audit.content_scan import ContentScan
from store.audit.event_lookup import EventLookup
from store.audit.inclusion_proofs import InclusionProofs
from store.audit.invariant_runs import InvariantRuns
from store.audit.invariant_scan import InvariantScan
from store.audit.merkle_nodes import MerkleNodes
from store.audit.picture_scan import PictureScan
from store.audit.picture_sources import PictureSources
from store.audit.quota_travel import QuotaTravel
from store.audit.stream_travel import StreamTravel
from store.backup.making import BackupMaker
from store.backup.restoration import Restorations
from store.backup.restoring import BackupRestorer
from store.bulk.jobs import BulkJobs
from store.commits.measured import MeasuredEventStore
from store.consumers.consumers import Consumers
from store.consumers.project_consumers import ProjectConsumers
from store.controls.changes import ControlChanges
from store.controls.current import CurrentControls
from store.failed.actions import FailedWorkActions
from store.failed.dead_letters import DeadLetters
from store.failed.parked_work import ParkedWork
from store.failed.request_search import RequestSearch
from store.generations.blobs import BlobStore
from store.generations.lists import Lists
from store.generations.mongo_blobs import MongoBlobs
from store.generations.mongo_personal_data import MongoPersonalData
from store.generations.mongo_projection import MongoProjection
from store.generations.newest import NewestGenerations
from store.generations.predictions import Predictions
from store.generations.queue import Queue
from store.generations.resting import RestingGenerations
from store.generations.s3_blobs import S3Blobs
from store.leases.mongo import MongoLeases
from store.leases.pauses import MongoPauses
from store.log.feeds import Feeds
from store.log.mongo_sealed_log import MongoSealedLog
from store.log.parking import Parking
from store.log.subscriptions import SubscriberCheckpoints
from store.log.unsealed import OldestUnsealed
from store.mongo.connection import Database, open_database, reachable
from store.mongo.data_format import record_format, require_format
from store.mongo.disk_usage import DiskUsage
from store.mongo.health import DatabaseHealth
from store.mongo.oplog import Oplog
from store.mongo.provisional import ProvisionalWrites
from store.mongo.safe_now import SafeNow, ServerTime
from store.objects.opening import open_objects, open_usable_objects
from store.objects.s3_objects import S3Objects
from store.objects.storage_health import StorageHealth
from store.objects.uploads import Uploads
from store.quota.durations import RecentDurations
from store.quota.held_units import HeldUnits
from store.quota.mongo_ledger import MongoLedger
from store.quota.request_counts import RequestCounts
from store.quota.usage import Usage
from store.quota.usage_sums import UsageSums
from store.rebuild.green_rows import GreenRows
from store.rebuild.requests import RebuildRequests
from store.rebuild.runs import RebuildRuns
from store.settings import StoreSettings
from store.webhooks.delivery_backlog import DeliveryBacklog
from store.webhooks.endpoints import WebhookEndpoints
from store.webhooks.mongo_deliveries import MongoDeliveries
from store.webhooks.secrets import WebhookSecrets

__all__ = [
    "ADAPTERS",
    "create_indexes",
    "open_blobs",
    "open_database",
    "open_objects",
    "open_prepared",
    "open_usable_objects",
    "prepare",
    "require_format",
]

ADAPTERS: Final[Mapping[str, type[Any]]] = {
    "provisional": ProvisionalWrites,
    "events": MeasuredEventStore,
    "personal_data": MongoPersonalData,
    "blobs": MongoBlobs,
    "uploads": Uploads,
    "ledger": MongoLedger,
    "projection": MongoProjection,
    "predictions": Predictions,
    "lists": Lists,
    "newest": NewestGenerations,
    "queue": Queue,
    "usage": Usage,
    "usage_sums": UsageSums,
    "durations": RecentDurations,
    "request_counts": RequestCounts,
    "sealed_log": MongoSealedLog,
    "feeds": Feeds,
    "subscriptions": SubscriberCheckpoints,
    "parking": Parking,
    "parked_work": ParkedWork,
    "bulk_jobs": BulkJobs,
    "rebuild_runs": RebuildRuns,
    "rebuild_requests": RebuildRequests,
    "green_rows": GreenRows,
    "dead_letters": DeadLetters,
    "delivery_backlog": DeliveryBacklog,
    "disk_usage": DiskUsage,
    "held_units": HeldUnits,
    "oldest_unsealed": OldestUnsealed,
    "resting_generations": RestingGenerations,
    "failed_work_actions": FailedWorkActions,
    "request_search": RequestSearch,
    "access_streams": AccessStreams,
    "audit_log": AuditLog,
    "quota_travel": QuotaTravel,
    "stream_travel": StreamTravel,
    "consumers": Consumers,
    "project_consumers": ProjectConsumers,
    "event_lookup": EventLookup,
    "invariant_scan": InvariantScan,
    "invariant_runs": InvariantRuns,
    "merkle_nodes": MerkleNodes,
    "checkpoints": Checkpoints,
    "commit_scan": CommitScan,
    "picture_scan": PictureScan,
    "content_scan": ContentScan,
    "picture_sources": PictureSources,
    "inclusion_proofs": InclusionProofs,
    "leases": MongoLeases,
    "pauses": MongoPauses,
    "current_controls": CurrentControls,
    "control_changes": ControlChanges,
    "account_cache": AccountCache,
    "accounts": Accounts,
    "account_changes": AccountChanges,
    "platform_changes": PlatformChanges,
    "deletions": Deletions,
    "endpoints": WebhookEndpoints,
    "deliveries": MongoDeliveries,
    "webhook_secrets": WebhookSecrets,
    "backup_maker": BackupMaker,
    "backup_restorer": BackupRestorer,
    "restorations": Restorations,
    "database_health": DatabaseHealth,
    "storage_health": StorageHealth,
    "oplog": Oplog,
    "safe_now": SafeNow,
    "server_time": ServerTime,
}


BLOB_STORES: Final[Mapping[str, type[Any]]] = {"mongodb": MongoBlobs, "s3": S3Blobs}
"""The adapters that `EXEMPLAR_BLOB_STORE` chooses from."""


def open_blobs(objects: S3Objects | None, bind: Callable[..., Any]) -> AbstractAsyncContextManager[BlobStore]:
    """Open the blob store with the dependencies that it names.

    With an object storage it is that of `s3`, which reads what is in MongoDB too, and writes what is chosen.
    """
    return nullcontext(bind(BLOB_STORES["mongodb" if objects is None else "s3"])())


@asynccontextmanager
async def open_prepared(store_settings: StoreSettings, metrics: Metrics = NO_METRICS) -> AsyncIterator[Database]:
    """Open the database and prepare it: the first proof that it answers. Raises what `prepare` raises."""
    async with open_database(store_settings, metrics) as database:
        await prepare(database)
        yield database


async def prepare(database: Database) -> None:
    """Record the data format and create all indexes; repeatable.

    Raises DataFormatError for a database in another format, StoreUnavailableError.
    """
    await record_format(database)
    await create_all_indexes(database)


async def create_all_indexes(database: Database) -> None:
    """Create the indexes that the product needs; repeatable."""
    await create_indexes(database, ADAPTERS.values())


async def create_indexes(database: Database, adapters: Iterable[type[Any]]) -> None:
    """Create the indexes that some adapters need; repeatable."""
    needed = [table for adapter in adapters for table in getattr(adapter, "indexes", {}).items()]
    with reachable():
        await asyncio.gather(*(database[name].create_indexes([*models]) for name, models in needed))
