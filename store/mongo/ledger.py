from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from store.mongo.connection import Database, Document, reachable
from store.quota.ledger import Account, Bounds, Correction, Settlement, Slot


class MongoLedger:
    """The ledger in collection `ledger`: `_id` = developer, `slots`, `used.<period>`."""

    def __init__(self, database: Database) -> None:
        self._ledger = database.get_collection("ledger")

    async def ensure_indexes(self) -> None:
        """Create what the queries need; repeatable."""
        await self._ledger.create_index("slots.generation")

    async def hold(
        self, developer: str, generation: str, *, period: str, bounds: Bounds, now: datetime
    ) -> Account | None:
        slot = {"generation": generation, "period": period, "since": now}
        with reachable():
            document = await self._ledger.find_one_and_update(
                {"_id": developer}, _taking(slot, bounds), upsert=True, return_document=ReturnDocument.AFTER
            )
        account = _account(document)
        return account if account.holds(generation) else None

    async def settle(
        self,
        developer: str,
        generation: str,
        settlement: Settlement,
        *,
        held_before: datetime | None = None,
    ) -> None:
        slot: Document = {"generation": generation}
        if held_before is not None:
            slot["since"] = {"$lt": held_before}
        query = {"_id": developer, "slots": {"$elemMatch": slot}}
        with reachable():
            await self._ledger.update_one(query, _settling(generation, settlement))

    async def account(self, developer: str) -> Account:
        with reachable():
            document = await self._ledger.find_one({"_id": developer})
        return _account(document) if document else Account()

    async def accounts(self) -> Sequence[tuple[str, Account]]:
        with reachable():
            documents = await self._ledger.find({"slots.0": {"$exists": True}}).to_list(None)
        return [(document["_id"], _account(document)) for document in documents]

    async def every(self) -> AsyncIterator[tuple[str, Account]]:
        with reachable():
            async for document in self._ledger.find({}).sort("_id", 1):
                yield document["_id"], _account(document)

    async def correct(self, developer: str, correction: Correction, *, seen: Account) -> bool:
        with reachable():
            document = await self._ledger.find_one_and_update(
                {"_id": developer},
                _correcting(correction, seen),
                upsert=True,
                return_document=ReturnDocument.AFTER,
            )
        return any(kept["id"] == correction.id for kept in document.get("corrections", []))

    async def corrections(self, developer: str) -> Sequence[Correction]:
        with reachable():
            document = await self._ledger.find_one({"_id": developer}, {"corrections": 1})
        return [_correction(kept) for kept in (document or {}).get("corrections", [])]


def _room(period: str, bounds: Bounds) -> list[Document]:
    checks: list[Document] = []
    if bounds.monthly is not None:
        checks.append({"$lt": [_used(period), bounds.monthly]})
    if bounds.concurrent is not None:
        checks.append({"$lt": [{"$size": _SLOTS}, bounds.concurrent]})
    return checks


_SLOTS: Document = {"$ifNull": ["$slots", []]}


def _used(period: str) -> Document:
    return {"$ifNull": [f"$used.{period}", 0]}


def _taking(slot: Document, bounds: Bounds) -> list[Document]:
    """Add the slot and its unit if there is room and the generation has none: one pipeline, one atomic step.

    The condition stands in the update, because an upsert takes no $expr.
    """
    period = slot["period"]
    literal = {name: {"$literal": value} for name, value in slot.items()}
    held = {"$in": [literal["generation"], {"$ifNull": ["$slots.generation", []]}]}
    take = {"$and": [{"$not": [held]}, *_room(period, bounds)]}
    return [
        {
            "$set": {
                "slots": {"$cond": [take, {"$concatArrays": [_SLOTS, [literal]]}, _renewed(literal)]},
                f"used.{period}": {"$cond": [take, {"$add": [_used(period), 1]}, f"$used.{period}"]},
            }
        }
    ]


def _renewed(literal: Document) -> Document:
    """Let the hold be as old as its last repetition."""
    mine = {"$eq": ["$$slot.generation", literal["generation"]]}
    since = {"since": {"$max": ["$$slot.since", literal["since"]]}}
    renewed = {"$cond": [mine, {"$mergeObjects": ["$$slot", since]}, "$$slot"]}
    return {"$map": {"input": _SLOTS, "as": "slot", "in": renewed}}


def _correcting(correction: Correction, seen: Account) -> list[Document]:
    """Change the counters and note the change in one step, unless they are other than they were seen."""
    names = {"$ifNull": ["$slots.generation", []]}
    same: list[Document] = [
        {"$setEquals": [names, {"$literal": [slot.generation for slot in seen.slots]}]},
        *(
            {"$eq": [_used(period), seen.used_in(period)]}
            for period in {*dict(seen.used), *dict(correction.units)}
        ),
    ]
    removed = {"$in": ["$$slot.generation", {"$literal": list(correction.removed)}]}
    kept = {"$filter": {"input": _SLOTS, "as": "slot", "cond": {"$not": [removed]}}}
    added = {"$literal": [asdict(slot) for slot in correction.added]}
    notes = {"$ifNull": ["$corrections", []]}
    changed: Document = {
        "slots": {"$concatArrays": [kept, added]},
        "corrections": {"$concatArrays": [notes, [{"$literal": asdict(correction)}]]},
    }
    for period, units in correction.units:
        changed[f"used.{period}"] = {"$add": [_used(period), units]}
    standing: Document = {"slots": _SLOTS, "corrections": notes}
    standing |= {name: f"${name}" for name in changed if name.startswith("used.")}
    return [
        {
            "$set": {
                name: {"$cond": [{"$and": same}, value, standing[name]]} for name, value in changed.items()
            }
        }
    ]


def _settling(generation: str, settlement: Settlement) -> list[Document]:
    mine = {"$eq": ["$$slot.generation", {"$literal": generation}]}
    others = {"$filter": {"input": "$slots", "as": "slot", "cond": {"$not": [mine]}}}
    stages: list[Document] = []
    if settlement == "released":
        stages.append({"$set": {"used": _given_back(mine)}})
    return [*stages, {"$set": {"slots": others}}]


def _given_back(mine: Document) -> Document:
    """Lower the unit of the slot's own month, whichever that is."""
    slot = {"$first": {"$filter": {"input": "$slots", "as": "slot", "cond": mine}}}
    lowered: dict[str, Any] = {
        "k": "$$month.k",
        "v": {
            "$cond": [{"$eq": ["$$month.k", "$$held.period"]}, {"$subtract": ["$$month.v", 1]}, "$$month.v"]
        },
    }
    months = {"$map": {"input": {"$objectToArray": "$used"}, "as": "month", "in": lowered}}
    return {"$let": {"vars": {"held": slot}, "in": {"$arrayToObject": months}}}


def _account(document: Document) -> Account:
    slots = tuple(Slot(**slot) for slot in document.get("slots", []))
    return Account(slots=slots, used=tuple(sorted(document.get("used", {}).items())))


def _correction(document: Document) -> Correction:
    return Correction(
        id=document["id"],
        at=document["at"],
        by=document["by"],
        units=tuple((period, units) for period, units in document["units"]),
        added=tuple(Slot(**slot) for slot in document["added"]),
        removed=tuple(document["removed"]),
    )
