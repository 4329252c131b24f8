"""The connection to MongoDB: majority writes, journalled, read from the primary, with bounded waits."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import wraps
from inspect import isawaitable, iscoroutinefunction
from typing import Any, Final, TypeVar

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorCursor, AsyncIOMotorDatabase
from pymongo import AsyncMongoClient, IndexModel, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from metrics.metrics import NO_METRICS, Metrics
from store.errors import StoreError, StoreUnavailableError
from store.mongo.command_metrics import CommandMetrics
from store.settings import StoreSettings

Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Cursor = AsyncIOMotorCursor[Document]
MongoCollection = AsyncIOMotorCollection[Document]
Indexes = Mapping[str, Sequence[IndexModel]]
"""The indexes that an adapter needs, by collection."""

Adapter = TypeVar("Adapter")
Answer = TypeVar("Answer")

DRIVERS: Final[Mapping[str, Callable[..., Any]]] = {"motor": AsyncIOMotorClient, "pymongo": AsyncMongoClient}

DUPLICATE_KEY = 11000
WRITE_CONFLICT = 112

TRANSIENT: Final = frozenset(
    {
        *(6, 7, 89, 202, 407, 9001),  # the network between servers: a router of shards reports its own
        *(91, 189, 10058, 10107, 11600, 11602, 13435, 13436),  # no primary, or one that stops
        *(133, 134, 216),  # a router finds no primary; an election
        *(150, 249, 13388),  # a router whose map of the shards is old
        *(262, 365, 402, 433, 449, 450, 462),  # too much at once
        *(24, 50, 279, 355, 453, 11601, 46841),  # interrupted: by an operator, a time limit, a change of the server
        *(358, 371, 406, 412, 50915, 10045600),  # something in its way: an upgrade, a backup, a blocked migration
        *(64, 91331),  # the write concern is not met in time; a shard failed and may be asked again
        14031,  # the disk is full: an operator makes room
    }
)
"""Codes of errors that may be gone when the same is sent again: what MongoDB's own list calls retriable, and its like.

Any other error comes as often as the same is sent: a document too large or not valid, a missing permission.
"""
_RETRYABLE: Final = ("RetryableWriteError", "RetryableError")
"""Labels by which a server says the same, also of codes that are newer than this list."""


@asynccontextmanager
async def open_database(settings: StoreSettings, metrics: Metrics = NO_METRICS) -> AsyncIterator[Database]:
    """Connect lazily to the database of the URL (default `exemplar`); close the connections at the end.

    Raises StoreError for what is no address of MongoDB.
    """
    database = connect(settings, metrics)
    client: Any = database.client
    try:
        yield database
    finally:
        await resolve(client.close())


def connect(settings: StoreSettings, metrics: Metrics = NO_METRICS) -> Database:
    """Choose the database, with the concerns that decisions need; nothing is sent before the first call."""
    wait_ms = settings.mongodb_timeout_ms
    try:
        client = DRIVERS[settings.mongodb_driver](
            settings.mongodb_url.get_secret_value(),
            tz_aware=True,
            retryWrites=True,
            serverSelectionTimeoutMS=wait_ms,
            connectTimeoutMS=wait_ms,
            # A server that falls silent is given up, with the calls that wait for it, after this and one timeout.
            heartbeatFrequencyMS=max(wait_ms // 2, 500),
            socketTimeoutMS=4 * wait_ms,
            maxPoolSize=settings.mongodb_pool,
            event_listeners=[CommandMetrics(metrics)] if metrics.enabled else [],
        )
        database: Database = client.get_default_database(
            "exemplar",
            write_concern=WriteConcern(w="majority", j=True, wtimeout=4 * wait_ms),
            read_concern=ReadConcern("majority"),
        )
    except (PyMongoError, ValueError) as error:
        # Behind the first quotation mark is a part of the address, perhaps of its password.
        reason = re.split("['\"]", str(error), maxsplit=1)[0].rstrip(": ")
        raise StoreError(f"no address of MongoDB: {reason}") from None
    return database


async def resolve(answer: Any) -> Any:
    """Return what one of the drivers answers at once and the other as an awaitable."""
    return await answer if isawaitable(answer) else answer


async def aggregate(
    rows: Any, stages: Sequence[Document], *, most: int | None = None, **options: Any
) -> list[Document]:
    """Return at most `most` documents that a pipeline makes of a collection."""
    found: list[Document] = await (await resolve(rows.aggregate(stages, **options))).to_list(most)
    return found


def only_duplicates(error: BulkWriteError) -> bool:
    """Tell whether the only errors of a batch are documents that exist already."""
    faults = error.details["writeErrors"]
    return not error.details["writeConcernErrors"] and all(fault["code"] == DUPLICATE_KEY for fault in faults)


def is_transient(error: Exception) -> bool:
    """Tell whether an error is transient: the store cannot be reached now."""
    if isinstance(error, BulkWriteError):
        faults = error.details["writeErrors"]
        return bool(error.details["writeConcernErrors"]) or any(fault["code"] in TRANSIENT for fault in faults)
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return True
    return isinstance(error, OperationFailure) and (
        error.code in TRANSIENT or any(map(error.has_error_label, _RETRYABLE))
    )


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the driver's transient errors into `StoreUnavailableError`."""
    try:
        yield
    except PyMongoError as error:
        if is_transient(error):
            raise StoreUnavailableError(type(error).__name__) from error
        raise


def raises_unavailable(adapter: type[Adapter]) -> type[Adapter]:
    """Run every public coroutine method of an adapter within `reachable`.

    Not for one that writes in the transactions of others: these need the driver's own errors.
    """
    for name, method in [*vars(adapter).items()]:
        if iscoroutinefunction(method) and (name == "__call__" or not name.startswith("_")):
            setattr(adapter, name, _within_reachable(method))
    return adapter


def _within_reachable(method: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    @wraps(method)
    async def call(*args: object, **named: object) -> Answer:
        with reachable():
            return await method(*args, **named)

    return call
