"""MongoDB's oplog, in which erased data stay until newer writes have overwritten them."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.errors import OperationFailure

from store.errors import StoreError
from store.mongo.connection import Database, is_transient, raises_unavailable

_NOTE: Final = 2**20
_PAUSE_S: Final = 2.0
_LONGEST_S: Final = 300.0  # from the last note that was needed; MongoDB frees the oldest part at a checkpoint, a minute


class OplogError(StoreError):
    """The oplog cannot be read or written, or MongoDB does not free the old part of it."""


@dataclass(frozen=True, slots=True)
class OplogSpan:
    """Times of the first and the last write that the oplog holds, its bytes, and how many it may hold."""

    first: datetime
    last: datetime
    size: int
    largest: int


@raises_unavailable
class Oplog:
    """The oplog of a replica set, as the member that answers has it. Raises OplogError."""

    def __init__(self, database: Database) -> None:
        self._admin = database.client.get_database("admin")
        self._local = database.client.get_database("local")
        self._entries = self._local.get_collection("oplog.rs")

    async def span(self) -> OplogSpan:
        with _permitted():
            return await self._span()

    async def _span(self) -> OplogSpan:
        stats = await self._local.command("collStats", "oplog.rs")
        first, last = await self._end(1), await self._end(-1)
        return OplogSpan(_time(first), _time(last), int(stats["size"]), int(stats["maxSize"]))

    async def overwrite(self, show: Callable[[int, int], None] = lambda *_: None) -> OplogSpan:
        """Write notes until nothing is left of what the oplog holds now; it takes a minute or two.

        The notes are random, so that no compression makes them small in the journal. `show` gets the bytes written
        and those that are needed.
        """
        with _permitted():
            await self._overwrite(show)
            return await self._span()

    async def _overwrite(self, show: Callable[[int, int], None]) -> None:
        last, needed, written = await self._end(-1), int((await self._span()).largest * 1.5), 0
        until = time.monotonic() + _LONGEST_S
        while await self._end(1) <= last:
            await self._admin.command("appendOplogNote", 1, data={"fill": os.urandom(_NOTE)})
            written += _NOTE
            show(min(written, needed), needed)
            if written < needed:
                until = time.monotonic() + _LONGEST_S
            elif time.monotonic() > until:
                raise OplogError("the oplog keeps its oldest entries: does a member lag behind?")
            else:
                await asyncio.sleep(_PAUSE_S)
        show(needed, needed)

    async def _end(self, order: int) -> Any:
        """Read the timestamp of the first or, with -1, of the last entry."""
        found = await self._entries.find({}, {"ts": 1}).sort("$natural", order).limit(1).to_list(1)
        return found[0]["ts"]


@contextmanager
def _permitted() -> Iterator[None]:
    try:
        yield
    except OperationFailure as error:
        if is_transient(error):
            raise
        needed = "the user of MongoDB needs the roles clusterAdmin, and read of the database local"
        raise OplogError(f"{type(error).__name__}: {needed}") from error


def _time(timestamp: Any) -> datetime:
    return datetime.fromtimestamp(timestamp.time, UTC)
