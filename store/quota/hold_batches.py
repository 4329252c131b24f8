"""The statements of holds that are asked for at the same time, as one command."""

from collections.abc import Collection, Sequence
from typing import Final

from pymongo import UpdateOne, timeout
from pymongo.errors import BulkWriteError, PyMongoError

from store.mongo.batcher import Batcher
from store.mongo.connection import MongoCollection, is_transient
from store.quota.ledger_document import ADD, STATEMENTS

_LARGEST: Final = 16
_TIMEOUT_S: Final = 1.0
_NOT_RUN: Final = -1

Hold = Sequence[UpdateOne]
"""The statements of `takes`."""


class HoldBatches:
    """Run holds, those of one moment as one command, which ends at the first statement that fails.

    The holds before that statement are done, and each behind it is run by itself. So is each that one of its command
    keeps waiting for longer than a second, because the documents of its developer are locked.
    """

    def __init__(self, ledger: MongoCollection) -> None:
        self._ledger = ledger
        self._batches: Batcher[Hold, int | None] = Batcher(self._send, largest=_LARGEST)

    async def run(self, hold: Hold) -> int | None:
        """Return the number of the statement that failed or, as the last may, changed nothing; None for none."""
        outcome = await self._batches.put(hold)
        return outcome if outcome != _NOT_RUN else (await self._run([hold]))[0]

    async def _send(self, holds: Sequence[Hold]) -> Sequence[int | None]:
        outcomes = list[int | None]()
        try:
            with timeout(_TIMEOUT_S):
                outcomes = await self._run(holds)
        except PyMongoError as error:
            if not error.timeout:
                raise
        return [*outcomes, *[_NOT_RUN] * (len(holds) - len(outcomes))]

    async def _run(self, holds: Sequence[Hold]) -> list[int | None]:
        """Run holds up to the first that fails; return the outcomes of all that were run."""
        try:
            done = await self._ledger.bulk_write([statement for hold in holds for statement in hold])
        except BulkWriteError as error:
            if is_transient(error):
                raise
            number, failed = divmod(error.details["writeErrors"][0]["index"], STATEMENTS)
            return [*_outcomes(number, {one["index"] for one in error.details["upserted"]}), failed]
        return _outcomes(len(holds), done.upserted_ids or {})


def _outcomes(number: int, added: Collection[int]) -> list[int | None]:
    """Tell of so many holds, none of which failed, whether each has added its slot."""
    return [None if one * STATEMENTS + ADD in added else ADD for one in range(number)]
