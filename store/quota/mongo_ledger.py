import secrets
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, ClassVar

import structlog
from pymongo import IndexModel, ReturnDocument

from store.errors import DamagedLedgerError
from store.mongo.connection import Database, Document, Indexes, raises_unavailable, reachable
from store.quota.ledger import Account, Bounds, Correction, Settlement
from store.quota.ledger_document import COUNTERS, SOUND, account_of, corrections_of

log = structlog.get_logger()


@raises_unavailable
class MongoLedger:
    """The ledger in collection `ledger`, one document per developer: `slots`, `used.<period>`."""

    indexes: ClassVar[Indexes] = {"ledger": [IndexModel("slots.generation")]}

    def __init__(self, database: Database) -> None:
        self._ledger = database.get_collection("ledger")

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        slot = {"generation": generation, "period": period, "since": now, "hold": secrets.token_hex(8)}
        document = await self._ledger.find_one_and_update(
            {"_id": developer},
            _taking(slot, bounds),
            projection=COUNTERS,
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        account = account_of(document)
        return account if account.holds(generation) else None

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        hold: str | None = None,
        held_before: datetime | None = None,
    ) -> None:
        slot: Document = {"generation": generation}
        if held_before is not None:
            slot["since"] = {"$lt": held_before}
        query = {"_id": developer, "slots": {"$elemMatch": slot}}
        done = await self._ledger.update_one(query, _settling(generation, settlement, hold))
        if done.matched_count and not done.modified_count:
            raise DamagedLedgerError(developer)

    async def account(self, developer: str) -> Account:
        document = await self._ledger.find_one({"_id": developer}, COUNTERS)
        return account_of(document) if document else Account()

    async def held(self, slots: Sequence[tuple[str, str]]) -> Collection[str]:
        wanted = {generation for _, generation in slots}
        found = await self._ledger.find({"slots.generation": {"$in": [*wanted]}}, {"slots.generation": 1}).to_list(None)
        return wanted & {slot["generation"] for document in found for slot in document["slots"]}

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        documents = await self._ledger.find({"slots.0": {"$exists": True}}, COUNTERS).to_list(None)
        return list(_readable(documents))

    async def names(self) -> AsyncIterator[str]:
        with reachable():
            async for document in self._ledger.find({}, {"_id": 1}).sort("_id", 1):
                yield document["_id"]

    async def correct(self, developer: str, correction: Correction, *, seen: Account | None) -> bool:
        document = await self._ledger.find_one_and_update(
            {"_id": developer},
            _rebuilding(correction) if seen is None else _correcting(correction, seen),
            projection={"corrections": {"$elemMatch": {"id": correction.id}}},
            upsert=seen is not None,
            return_document=ReturnDocument.AFTER,
        )
        return bool(document and document.get("corrections"))

    async def corrections(self, developer: str) -> Sequence[Correction]:
        document = await self._ledger.find_one({"_id": developer}, {"corrections": 1})
        return list(corrections_of(document)) if document else []


def _readable(documents: Sequence[Document]) -> Iterator[tuple[str, Account]]:
    """Leave out damaged ledgers: they concern one developer each."""
    for document in documents:
        try:
            yield document["_id"], account_of(document)
        except DamagedLedgerError as error:
            log.warning("ledger_damaged", developer=error.developer)


_SLOTS: Document = {"$ifNull": ["$slots", []]}


def _used(period: str) -> Document:
    return {"$ifNull": [f"$used.{period}", 0]}


def _taking(slot: Document, bounds: Bounds) -> list[Document]:
    """Add the slot and its unit if there is room and the generation has none: one pipeline, one atomic step.

    The condition is in the update, because an upsert takes no $expr.
    """
    period = slot["period"]
    literal = {name: {"$literal": value} for name, value in slot.items()}
    held = {"$in": [literal["generation"], {"$ifNull": ["$slots.generation", []]}]}
    limits = ((_used(period), bounds.monthly), ({"$size": _SLOTS}, bounds.concurrent))
    below = [{"$lt": [number, limit]} for number, limit in limits if limit is not None]
    take = {"$and": [{"$not": [held]}, *below]}
    taken = {period: {"$add": [_used(period), 1]}}
    slots = {"$cond": [take, {"$concatArrays": [_SLOTS, [literal]]}, _renewed(literal)]}
    return _changing({"slots": slots, "used": {"$mergeObjects": ["$used", {"$cond": [take, taken, {}]}]}})


def _changing(changed: Document, condition: object = True) -> list[Document]:
    """Replace fields under a condition; a damaged document stays as it is."""
    fits = {"$cond": [SOUND, condition, False]}
    return [{"$replaceWith": {"$cond": [fits, {"$mergeObjects": ["$$ROOT", changed]}, "$$ROOT"]}}]


def _renewed(literal: Document) -> Document:
    """Set the age of the hold to that of its last repetition."""
    mine = {"$eq": ["$$slot.generation", literal["generation"]]}
    since = {"since": {"$max": ["$$slot.since", literal["since"]]}}
    renewed = {"$cond": [mine, {"$mergeObjects": ["$$slot", since]}, "$$slot"]}
    return {"$map": {"input": _SLOTS, "as": "slot", "in": renewed}}


def _correcting(correction: Correction, seen: Account) -> list[Document]:
    """Change the counters and record the correction in one step, if they are as seen."""
    names = {"$ifNull": ["$slots.generation", []]}
    same: list[Document] = [
        {"$setEquals": [names, {"$literal": [slot.generation for slot in seen.slots]}]},
        *({"$eq": [_used(period), seen.used_in(period)]} for period in {*dict(seen.used), *dict(correction.units)}),
    ]
    removed = {"$in": ["$$slot.generation", {"$literal": list(correction.removed)}]}
    kept = {"$filter": {"input": _SLOTS, "as": "slot", "cond": {"$not": [removed]}}}
    units = {period: {"$add": [_used(period), units]} for period, units in correction.units}
    changed: Document = {
        "slots": {"$concatArrays": [kept, _literal_slots(correction)]},
        "used": {"$mergeObjects": ["$used", units]},
        "corrections": _noted(correction),
    }
    return _changing(changed, {"$and": same})


def _rebuilding(correction: Correction) -> list[Document]:
    """Replace a damaged document, and leave a sound one alone."""
    anew: Document = {
        "_id": "$_id",
        "slots": _literal_slots(correction),
        "used": {"$literal": dict(correction.units)},
        "corrections": _noted(correction),
    }
    return [{"$replaceWith": {"$cond": [SOUND, "$$ROOT", anew]}}]


def _literal_slots(correction: Correction) -> Document:
    return {"$literal": [asdict(slot) for slot in correction.added]}


def _noted(correction: Correction) -> Document:
    notes = {"$cond": [{"$isArray": "$corrections"}, "$corrections", []]}
    return {"$concatArrays": [notes, [{"$literal": asdict(correction)}]]}


def _settling(generation: str, settlement: Settlement, hold: str | None) -> list[Document]:
    mine = {"$eq": ["$$slot.generation", {"$literal": generation}]}
    changed: Document = {"slots": {"$filter": {"input": "$slots", "as": "slot", "cond": {"$not": [mine]}}}}
    if settlement == "released":
        changed["used"] = _given_back(mine)
    elif hold is not None:
        changed["used"] = _given_back({"$and": [mine, {"$ne": ["$$slot.hold", {"$literal": hold}]}]})
    return _changing(changed)


def _given_back(released: Document) -> Document:
    """Lower the units of a released slot's own month."""
    slot = {"$first": {"$filter": {"input": "$slots", "as": "slot", "cond": released}}}
    lowered: dict[str, Any] = {
        "k": "$$month.k",
        "v": {"$cond": [{"$eq": ["$$month.k", "$$held.period"]}, {"$subtract": ["$$month.v", 1]}, "$$month.v"]},
    }
    months = {"$map": {"input": {"$objectToArray": {"$ifNull": ["$used", {}]}}, "as": "month", "in": lowered}}
    return {"$let": {"vars": {"held": slot}, "in": {"$arrayToObject": months}}}
