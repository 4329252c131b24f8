import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

import structlog
from pymongo import IndexModel, WriteConcern
from pymongo.errors import BulkWriteError
from pymongo.read_concern import ReadConcern

from store.errors import DamagedLedgerError
from store.generations.projection import ALWAYS
from store.mongo.batcher import Batcher
from store.mongo.connection import (
    Database,
    Document,
    Indexes,
    MongoCollection,
    is_transient,
    raises_unavailable,
    reachable,
)
from store.mongo.finding import find_few
from store.quota.hold_batches import HoldBatches
from store.quota.ledger import Account, Bounds, Correction, Settlement, Slot, SlotName
from store.quota.ledger_corrections import LedgerCorrections
from store.quota.ledger_document import (
    ADD,
    COUNT,
    COUNTERS,
    account_of,
    corrections_of,
    documents_of,
    freeing,
    frees,
    granting,
    quiet,
    slot_id,
    slot_of,
    takes,
)
from store.quota.settled_slots import SettledSlots

_ATTEMPTS, _WAIT_S = 4, 0.02  # while another call of the same generation has counted and not yet added the slot
_COUNTED = ("held", "used")
QUIET_MS = 60_000
"""Far longer than one command takes: counters that were not changed for so long have no hold under way."""

log = structlog.get_logger()


@raises_unavailable
class MongoLedger:
    """The ledger in collection `ledger`: a document of counters per developer, and one for each slot.

    A hold counts before it adds the slot; a settlement marks the slot before it lowers the count, and then
    deletes it. Each pair is one command whose first failure ends it, so the count is never below the slots.

    The primary alone acknowledges, because the log follows: a hold that a majority lacks is missed by the actor
    `quota`, which holds again, and a settlement by the sweep. Other reads must see what is acknowledged.
    """

    indexes: ClassVar[Indexes] = {
        "ledger": [IndexModel("since", sparse=True), IndexModel("queue.since", name="queue", sparse=True)]
    }

    def __init__(self, database: Database) -> None:
        self._database = database
        self._ledger = database.get_collection(
            "ledger", write_concern=WriteConcern(w=1, j=False), read_concern=ReadConcern("local")
        )
        self._durable = database.get_collection("ledger")
        self._holds, self._durable_holds = HoldBatches(self._ledger), HoldBatches(self._durable)
        self._settled_slots = SettledSlots(database)
        self._corrections = LedgerCorrections(database, self._ledger)
        self._recorded: Batcher[tuple[str, str], Sequence[Document]] = Batcher(self._find_recorded)

    async def hold(
        self,
        developer: str,
        generation: str,
        *,
        period: str,
        bounds: Bounds,
        now: datetime,
        durable: bool = False,
        queue_for: str | None = None,
    ) -> Slot | None:
        ledger, holds = (self._durable, self._durable_holds) if durable else (self._ledger, self._holds)
        slot = Slot(generation, period, now, secrets.token_hex(8))
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_WAIT_S * attempt)
            failed = await self._take(holds, developer, slot, bounds, queue_for)
            if failed is None:
                return slot
            found = await self._ledger.find(documents_of(developer, [generation]), COUNTERS).to_list(None)
            held = account_of(developer, found).slot_of(generation)
            if held is not None and await self._renew(ledger, developer, generation, now):
                return replace(held, since=max(held.since, now))
            if any(document.get("settled") is True for document in found):  # its deletion was lost
                await self._ledger.delete_one({"_id": slot_id(developer, generation), "settled": True})
            if failed == COUNT and not any(document.get("counting") == generation for document in found):
                break
        return None

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        hold: str | None = None,
        period: str | None = None,
        held_before: datetime | None = None,
        held_once: bool = False,
    ) -> None:
        if hold is not None and period is not None:
            named = SlotName(generation, period, hold)
            if await self._free(developer, named, settlement, held_before, held_once):
                return
        slot = (await self.account(developer, only=[generation])).slot_of(generation)
        if slot is not None:
            ours = settlement if hold in (None, slot.hold) else "released"
            await self._free(developer, slot.name, ours, held_before, held_once)

    async def account(
        self, developer: str, *, only: Sequence[str] | None = None, durable: bool = False, with_settled: bool = False
    ) -> Account:
        if durable and only is not None and len(only) == 1:
            found = await self._recorded.put((developer, only[0]))
        else:
            ledger = self._durable if durable else self._ledger
            found = await find_few(ledger, documents_of(developer, only), COUNTERS)
        return account_of(developer, found, with_settled=with_settled)

    async def held(self, slots: Sequence[tuple[str, str]]) -> Collection[str]:
        query = {"_id": {"$in": [slot_id(*slot) for slot in slots]}, "settled": {"$ne": True}}
        return {found["generation"] for found in await self._ledger.find(query, {"generation": 1}).to_list(None)}

    async def old_slots(self, before: datetime) -> Sequence[tuple[str, Slot]]:
        await self._ledger.delete_many({"since": {"$lt": before}, "settled": True})
        slots = list[tuple[str, Slot]]()
        async for document in self._ledger.find({"since": {"$lt": before}}):
            try:
                slots.append((document["developer"], slot_of(document)))
            except (KeyError, TypeError):
                log.warning("ledger_damaged", developer=str(document["_id"]).partition("/")[0])
        return slots

    async def reconcile(self) -> int:
        given_back = 0
        for counters in await self._ledger.find(quiet(QUIET_MS), {"counted_at": 1}).to_list(None):
            with suppress(DamagedLedgerError):
                # A marked slot may still be counted: its settlement is under way until the sweep deletes it.
                account = await self.account(counters["_id"], with_settled=True)
                excess = account.excess
                without_slot = [one.generation for one in account.queue if not account.holds(one.generation)]
                if excess or without_slot:
                    lowered = {f"{field}.{month}": -count for month, count in excess.items() for field in _COUNTED}
                    change: Document = {"$currentDate": {"counted_at": True}} | ({"$inc": lowered} if lowered else {})
                    change |= {"$pull": {"queue": {"generation": {"$in": without_slot}}}} if without_slot else {}
                    given_back += (await self._ledger.update_one(counters, change)).modified_count
        return given_back

    async def grant(self, developer: str, generation: str, *, bounds: Bounds) -> bool:
        query = {"_id": developer, "queue.generation": generation}
        return bool((await self._durable.update_one(query, granting(generation, bounds))).modified_count)

    async def queueing(self) -> Sequence[str]:
        found = await self._ledger.find({"queue.since": {"$gt": ALWAYS}}, {"_id": 1}, hint="queue").to_list(None)
        return [document["_id"] for document in found]

    async def names(self) -> AsyncIterator[str]:
        with reachable():
            async for document in self._ledger.find({"generation": {"$exists": False}}, {"_id": 1}).sort("_id", 1):
                yield document["_id"]

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        return await self._corrections.apply(developer, correction, seen)

    async def corrections(self, developer: str) -> Sequence[Correction]:
        document = await self._ledger.find_one({"_id": developer}, {"corrections": 1})
        return list(corrections_of(document)) if document else []

    async def _find_recorded(self, asked: Sequence[tuple[str, str]]) -> Sequence[Sequence[Document]]:
        """Read, as a majority has them, the counters of developers and a slot of each."""
        wanted = [(developer, slot_id(developer, generation)) for developer, generation in asked]
        query = {"_id": {"$in": list({name for pair in wanted for name in pair})}}
        found = {one["_id"]: one for one in await find_few(self._durable, query, COUNTERS)}
        return [[found[name] for name in pair if name in found] for pair in wanted]

    async def _free(
        self, developer: str, slot: SlotName, settlement: Settlement, held_before: datetime | None, held_once: bool
    ) -> bool:
        """Free a slot; False when it is not as given: settled by another call, held again since, or gone."""
        try:
            await self._ledger.bulk_write(frees(developer, slot, settlement, held_before, held_once))
        except BulkWriteError as error:
            if is_transient(error):
                raise
            if error.details["writeErrors"][0]["index"] == COUNT:
                raise DamagedLedgerError(developer) from error
            return False
        self._settled_slots.delete_soon(slot_id(developer, slot.generation))
        return True

    async def _take(
        self, holds: HoldBatches, developer: str, slot: Slot, bounds: Bounds, queue_for: str | None
    ) -> int | None:
        """Count and add a slot; return the statement of `takes` that failed or changed nothing, None for none."""
        failed = await holds.run(takes(developer, slot, bounds, queue_for))
        if failed == ADD:
            # Another call has added the slot since the first statement, or it was refused: it was counted in vain.
            await self._ledger.update_one({"_id": developer}, freeing(slot.name, "released"))
        return failed

    async def _renew(self, ledger: MongoCollection, developer: str, generation: str, now: datetime) -> bool:
        """Repeat a hold; False when it is there no longer."""
        repeated = {"$max": {"since": now}, "$set": {"repeated": True}}
        return bool((await ledger.update_one({"_id": slot_id(developer, generation)}, repeated)).matched_count)
