"""Opening MongoDB: majority writes, journalled, read from the primary, with bounded waits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorDatabase
from pymongo import WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from pymongo.read_concern import ReadConcern

from store.errors import StoreUnavailableError
from store.settings import StoreSettings

Document = dict[str, Any]
Client = AsyncIOMotorClient[Document]
Database = AsyncIOMotorDatabase[Document]

DUPLICATE_KEY = 11000

# Server codes that mean "not now": not primary, shutting down, stepping down, write concern unmet, disk full.
_PASSING = frozenset({64, 89, 91, 189, 262, 10107, 11600, 11602, 13435, 13436, 14031})


def open_client(settings: StoreSettings) -> Client:
    """Connect lazily; nothing is sent before the first call."""
    return AsyncIOMotorClient(
        settings.mongodb_url.get_secret_value(),
        tz_aware=True,
        retryWrites=True,
        serverSelectionTimeoutMS=settings.mongodb_timeout_ms,
        connectTimeoutMS=settings.mongodb_timeout_ms,
        socketTimeoutMS=4 * settings.mongodb_timeout_ms,
        maxPoolSize=settings.mongodb_pool,
    )


def open_database(client: Client, settings: StoreSettings) -> Database:
    """Choose the database of the URL (default `exemplar`) with the concerns that decisions need."""
    return client.get_default_database(
        "exemplar",
        write_concern=WriteConcern(w="majority", j=True, wtimeout=4 * settings.mongodb_timeout_ms),
        read_concern=ReadConcern("majority"),
    )


def only_duplicates(error: BulkWriteError) -> bool:
    """Tell whether everything that went wrong with a batch is that some documents are there already."""
    faults = error.details["writeErrors"]
    return not error.details["writeConcernErrors"] and all(fault["code"] == DUPLICATE_KEY for fault in faults)


def is_passing(error: PyMongoError) -> bool:
    """Tell whether an error means that the store is out of reach now, rather than that we did wrong."""
    if isinstance(error, BulkWriteError):
        faults = error.details["writeErrors"]
        return bool(error.details["writeConcernErrors"]) or any(fault["code"] in _PASSING for fault in faults)
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError):
        return True
    return isinstance(error, OperationFailure) and error.code in _PASSING


@contextmanager
def reachable() -> Iterator[None]:
    """Turn the driver's passing faults into `StoreUnavailableError`."""
    try:
        yield
    except PyMongoError as error:
        if is_passing(error):
            raise StoreUnavailableError(type(error).__name__) from error
        raise
