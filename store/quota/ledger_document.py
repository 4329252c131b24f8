"""The documents of the ledger: `<developer>` with counters and corrections, `<developer>/<generation>` per slot.

The counters hold the `queue` of those that wait for their slot, in the order of arrival, and the number of the last
arrival or turn: both change with the counts, in one document. Who waits is counted and has a slot as well.

Edits by hand may leave fields of wrong types: such a document is reported as damaged, never overwritten.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, TypeVar

import structlog
from pymongo import UpdateOne

from store.errors import DamagedLedgerError
from store.mongo.connection import Document
from store.quota.ledger import Account, Bounds, Correction, Settlement, Slot, SlotName, count_slots
from store.quota.queue_document import QUEUE, arrival, turn_of, waiting_of, waits, without

COUNTERS: Final[Mapping[str, int]] = {"corrections": 0}
"""The fields that every request reads: not `corrections`, which only grow."""

COUNT, ADD, STATEMENTS = 1, 2, 3
"""Of the statements of `takes`: those that count and that add the slot, and how many they are."""

_REFUSED: Final[Document] = {"_id": "refused"}
"""A replacement that the server refuses (an `_id` never changes): an ordered batch of writes ends here."""

log = structlog.get_logger()

T = TypeVar("T")


def slot_id(developer: str, generation: str) -> str:
    """Name the document of a slot."""
    return f"{developer}/{generation}"


def documents_of(developer: str, only: Sequence[str] | None = None) -> Document:
    """Query the counters, and all slots or those of some generations."""
    if only is not None:
        return {"_id": {"$in": [developer, *(slot_id(developer, generation) for generation in only)]}}
    return {"$or": [{"_id": developer}, {"_id": {"$gt": f"{developer}/", "$lt": f"{developer}0"}}]}  # "0" follows "/"


def slot_document(developer: str, slot: Slot) -> Document:
    """Write a slot."""
    fields = {"generation": slot.generation, "period": slot.period, "since": slot.since, "hold": slot.hold}
    return {"developer": developer, **fields}


def account_of(developer: str, documents: Sequence[Document], *, with_settled: bool = False) -> Account:
    """Read counters and slots, also marked ones if wanted; raises DamagedLedgerError where a type is wrong."""
    try:
        counters = next((document for document in documents if document["_id"] == developer), Document())
        kept = [one for one in documents if one is not counters and (with_settled or not one.get("settled"))]
        slots = tuple(map(slot_of, kept))
        held = tuple((month, count) for month, count in _months(counters, "held") if count)
        queue = tuple(map(waiting_of, _a(list, counters.get("queue", []))))
        return Account(slots, _months(counters, "used"), held, queue)
    except (KeyError, TypeError):
        raise DamagedLedgerError(developer) from None


def slot_of(document: Document) -> Slot:
    """Read a slot; raises KeyError and TypeError."""
    generation, period, since = document["generation"], document["period"], document["since"]
    hold = document.get("hold")
    return Slot(_a(str, generation), _a(str, period), _a(datetime, since), None if hold is None else _a(str, hold))


def corrections_of(document: Document) -> Iterator[Correction]:
    """Read all corrections; one that cannot be read is logged and left out."""
    kept = document.get("corrections", [])
    for one in kept if isinstance(kept, list) else []:
        try:
            yield _correction(one)
        except (KeyError, TypeError, ValueError):
            log.warning("correction_unreadable", developer=str(document["_id"]))


def refusing_known() -> list[Document]:
    """Fail for a slot that exists."""
    return [{"$replaceWith": _REFUSED}]


def taking(slot: Slot, bounds: Bounds, queue_for: str | None = None) -> list[Document]:
    """Count a slot and a unit, and add to the queue for a user; fail at a limit, and for damaged counters.

    The condition is in the update, because an upsert takes no $expr.
    """
    bound = (_COUNTED_SLOTS, bounds.concurrent) if queue_for is None else ({"$size": QUEUE}, bounds.queued)
    limits = ((_number("used", slot.period), bounds.monthly), bound)
    free = {"$and": [{"$lt": [number, limit]} for number, limit in limits if limit is not None]}
    taken = _counted(slot.period, {"$literal": slot.generation}, held=1, used=1)
    if queue_for is not None:
        free["$and"].append({"$not": [waits(slot.generation)]})
        taken["$mergeObjects"].append(arrival(slot.generation, queue_for, slot.since))
    return [{"$replaceWith": {"$cond": [{"$cond": [_SOUND, free, False]}, taken, _REFUSED]}}]


def settling(slot: SlotName, held_before: datetime | None, held_once: bool) -> list[Document]:
    """Mark a slot as settled; fail for one that is settled, gone, of another hold, not older, or repeated."""
    fields = slot._asdict().items()
    same = [{"$eq": [{"$ifNull": [f"${field}", None]}, {"$literal": value}]} for field, value in fields]
    old = [{"$lt": ["$since", held_before]}] if held_before else []
    once = [{"$ne": ["$repeated", True]}] if held_once else []
    still = {"$and": [*same, *old, *once, {"$ne": ["$settled", True]}]}
    return [{"$replaceWith": {"$cond": [still, {"$mergeObjects": ["$$ROOT", {"settled": True}]}, _REFUSED]}}]


def granting(generation: str, bounds: Bounds) -> list[Document]:
    """Take a generation out of the queue, to give it a free slot, and put the rest of its user's behind this turn.

    Changes nothing when no slot is free, or it does not wait.
    """
    free = {"$lt": [{"$subtract": [_COUNTED_SLOTS, {"$size": QUEUE}]}, bounds.concurrent]}
    allowed = {"$and": [_SOUND, waits(generation), *([] if bounds.concurrent is None else [free])]}
    granted = {"$mergeObjects": ["$$ROOT", turn_of(generation), {"counted_at": "$$NOW"}]}
    return [{"$replaceWith": {"$cond": [allowed, granted, "$$ROOT"]}}]


def freeing(slot: SlotName, settlement: Settlement) -> list[Document]:
    """Count a slot less, and a released unit, and end its wait; fail for damaged counters."""
    freed = _counted(slot.period, None, held=-1, used=-1 if settlement == "released" else 0)
    left = {"$cond": [waits(slot.generation), {"queue": without(slot.generation)}, {}]}
    freed["$mergeObjects"].append(left)
    return [{"$replaceWith": {"$cond": [_SOUND, freed, _REFUSED]}}]


def quiet(milliseconds: int) -> Document:
    """Query sound counters with slots taken or waited for that were not changed for so long, by the server's clock."""
    old = {"$lt": ["$counted_at", {"$subtract": ["$$NOW", milliseconds]}]}
    taken = {"$cond": [_SOUND, {"$gt": [{"$add": [_COUNTED_SLOTS, {"$size": QUEUE}]}, 0]}, False]}
    return {"counted_at": {"$type": "date"}, "$expr": {"$and": [old, taken]}}


def corrected(account: Account, correction: Correction) -> list[Document]:
    """Write counters anew after a correction, and add it to those kept."""
    used = dict(account.used)
    for period, units in correction.units:
        used[period] = used.get(period, 0) + units
    kept = [slot for slot in account.slots if slot.generation not in correction.removed]
    notes = {"$cond": [{"$isArray": "$corrections"}, "$corrections", []]}
    counters = {
        "held": {"$literal": dict(count_slots([*kept, *correction.added]))},
        "used": {"$literal": used},
        "corrections": {"$concatArrays": [notes, [{"$literal": asdict(correction)}]]},
        "counted_at": "$$NOW",
    }
    if correction.queue is not None:
        queue = [asdict(one) for one in correction.queue]
        counters |= {"queue": {"$literal": queue}, "turn": max((one.number for one in correction.queue), default=0)}
    return [{"$set": counters}]


def _typed(value: str, *types: str) -> Document:
    return {"$in": [{"$type": value}, list(types)]}


def _sound(field: str) -> Document:
    whole = {"$map": {"input": {"$objectToArray": field}, "as": "month", "in": _typed("$$month.v", "int", "long")}}
    branches = [
        {"case": _typed(field, "missing"), "then": True},
        {"case": _typed(field, "object"), "then": {"$allElementsTrue": [whole]}},
    ]
    return {"$switch": {"branches": branches, "default": False}}


_SOUND: Final[Document] = {"$and": [_sound("$held"), _sound("$used")]}
"""The rules of `account_of` as an expression, for updates that leave damaged counters alone."""

_COUNTED_SLOTS: Final[Document] = {
    "$sum": {"$map": {"input": {"$objectToArray": {"$ifNull": ["$held", {}]}}, "as": "month", "in": "$$month.v"}}
}


def _number(field: str, period: str) -> Document:
    return {"$ifNull": [f"${field}.{period}", 0]}


def _counted(period: str, counting: object, **changes: int) -> Document:
    """Change counters; `counting` names the generation whose slot the same command adds."""
    changed = {
        field: {"$mergeObjects": [f"${field}", {period: {"$add": [_number(field, period), change]}}]}
        for field, change in changes.items()
    }
    return {"$mergeObjects": ["$$ROOT", changed, {"counting": counting, "counted_at": "$$NOW"}]}


def _months(document: Document, field: str) -> tuple[tuple[str, int], ...]:
    return tuple(sorted((month, _count(count)) for month, count in _a(dict, document.get(field, {})).items()))


def _count(value: object) -> int:
    if isinstance(value, bool):
        raise TypeError("bool")
    return _a(int, value)


def _a(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value


def _correction(document: Document) -> Correction:
    units = tuple((period, units) for period, units in document["units"])
    added, removed = tuple(map(slot_of, document["added"])), tuple(document["removed"])
    queue = document.get("queue")
    waiting = None if queue is None else tuple(map(waiting_of, queue))
    return Correction(document["id"], document["at"], document["by"], units, added, removed, waiting)


def takes(developer: str, slot: Slot, bounds: Bounds, queue_for: str | None = None) -> list[UpdateOne]:
    """Stop at a known slot, count, and add the slot: one command, which ends at the first statement that fails."""
    key, new = {"_id": slot_id(developer, slot.generation)}, slot_document(developer, slot)
    return [
        UpdateOne(key, refusing_known()),
        UpdateOne({"_id": developer}, taking(slot, bounds, queue_for), upsert=True),
        UpdateOne(key, {"$setOnInsert": new}, upsert=True),
    ]


def frees(
    developer: str, slot: SlotName, settlement: Settlement, held_before: datetime | None, held_once: bool = False
) -> list[UpdateOne]:
    """Mark the slot, once, and lower the count: one command, which ends when the slot is no longer as it was."""
    key = {"_id": slot_id(developer, slot.generation)}
    return [
        UpdateOne(key, settling(slot, held_before, held_once), upsert=True),
        UpdateOne({"_id": developer}, freeing(slot, settlement)),
    ]
