from collections.abc import Awaitable, Callable, Sequence

from store.errors import DamagedLedgerError, StoreUnavailableError
from store.mongo.connection import Database, Document, MongoCollection
from store.mongo.transactions import CommitOutcomeUnknownError, Session, in_transaction
from store.quota.ledger import Account, Correction
from store.quota.ledger_document import COUNTERS, account_of, corrected, documents_of, slot_document, slot_id


class LedgerCorrections:
    """Apply corrections to the documents of the ledger, each in one transaction."""

    def __init__(self, database: Database, ledger: MongoCollection) -> None:
        self._database = database
        self._ledger = ledger

    async def apply(self, developer: str, correction: Correction, seen: Account | None) -> bool:
        """Apply and record a correction if the account still is as `seen`, None for a damaged one."""
        done = False

        async def work(session: Session) -> None:
            nonlocal done
            done = await self._correct(developer, correction, seen, session)

        await self._together(work)
        return done

    async def _correct(self, developer: str, correction: Correction, seen: Account | None, session: Session) -> bool:
        found = await self._ledger.find(documents_of(developer), COUNTERS, session=session).to_list(None)
        account = _readable(developer, found)
        if account is None or seen is None:
            if account is not seen:
                return False
            removed = [document["_id"] for document in found if document["_id"] != developer]
        elif account.equals(seen):
            removed = [slot_id(developer, generation) for generation in correction.removed]
        else:
            return False
        added = [
            {"_id": slot_id(developer, slot.generation), **slot_document(developer, slot)} for slot in correction.added
        ]
        await self._ledger.delete_many({"_id": {"$in": removed}}, session=session)
        if added:
            settled = {"_id": {"$in": [slot["_id"] for slot in added]}, "settled": True}
            await self._ledger.delete_many(settled, session=session)
            await self._ledger.insert_many(added, session=session)
        counters = corrected(account or Account(), correction)
        await self._ledger.update_one({"_id": developer}, counters, upsert=True, session=session)
        return True

    async def _together(self, work: Callable[[Session], Awaitable[None]]) -> None:
        try:
            await in_transaction(self._database, work)
        except CommitOutcomeUnknownError as error:
            raise StoreUnavailableError("the outcome is unknown") from error


def _readable(developer: str, found: Sequence[Document]) -> Account | None:
    """Read an account; None for a damaged one."""
    try:
        return account_of(developer, found)
    except DamagedLedgerError:
        return None
