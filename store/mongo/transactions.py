"""MongoDB transactions: several documents are written together or not at all."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import PyMongoError, ServerSelectionTimeoutError

from store.backoff import Backoff
from store.errors import StoreUnavailableError
from store.mongo.connection import Database, is_transient, resolve

Session = AsyncIOMotorClientSession

_ATTEMPTS = 8
_BACKOFF = Backoff(first=0.02, longest=0.64, jitter=1.0)


class CommitOutcomeUnknownError(Exception):
    """The transaction may or may not have been committed; only reading can tell."""


async def in_transaction(database: Database, work: Callable[[Session], Awaitable[None]]) -> None:
    """Run `work(session)` in one transaction; again after a transient error, a few times.

    `work` may run several times and lets the driver's errors through. Any exception aborts the transaction
    and propagates. Raises StoreUnavailableError when nothing was done, CommitOutcomeUnknownError when it is
    not known. A process that dies in between leaves nothing; the server drops its locks within a minute.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            await _run(database, work)
        except PyMongoError as error:
            if error.has_error_label("UnknownTransactionCommitResult"):
                raise CommitOutcomeUnknownError from error
            transient = error.has_error_label("TransientTransactionError")
            if not transient and not is_transient(error):
                raise
            if not transient or attempt == _ATTEMPTS or isinstance(error, ServerSelectionTimeoutError):
                raise StoreUnavailableError(type(error).__name__) from error
        else:
            return
        await asyncio.sleep(_BACKOFF.delay(attempt, random.random()))  # noqa: S311 - jitter, no secret


async def _run(database: Database, work: Callable[[Session], Awaitable[None]]) -> None:
    reads, writes = database.read_concern, database.write_concern
    async with (
        await resolve(database.client.start_session()) as session,
        await resolve(session.start_transaction(reads, writes)),
    ):
        await work(session)
