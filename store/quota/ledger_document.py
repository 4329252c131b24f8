"""The document of a ledger: its rules, and how it is read.

Edits by hand may leave fields of wrong types: such a document is reported as damaged, never overwritten.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar

import structlog

from store.errors import DamagedLedgerError
from store.mongo.connection import Document
from store.quota.ledger import Account, Correction, Slot

COUNTERS: Final[Mapping[str, int]] = {"slots": 1, "used": 1}
"""The fields that every request reads: not `corrections`, which only grow."""

log = structlog.get_logger()

T = TypeVar("T")


def _typed(value: str, *types: str) -> Document:
    return {"$in": [{"$type": value}, list(types)]}


def _all(name: str, among: object, condition: Document) -> Document:
    return {"$allElementsTrue": [{"$map": {"input": among, "as": name, "in": condition}}]}


_WHOLE_SLOT: Final[Document] = {
    "$and": [
        _typed("$$slot.generation", "string"),
        _typed("$$slot.period", "string"),
        _typed("$$slot.since", "date"),
        _typed("$$slot.hold", "string", "null", "missing"),
    ]
}


def _either_missing_or(field: str, kind: str, condition: Document) -> Document:
    branches = [
        {"case": _typed(field, "missing"), "then": True},
        {"case": _typed(field, kind), "then": condition},
    ]
    return {"$switch": {"branches": branches, "default": False}}


SOUND: Final[Document] = {
    "$and": [
        _either_missing_or("$slots", "array", _all("slot", "$slots", _WHOLE_SLOT)),
        _either_missing_or(
            "$used", "object", _all("month", {"$objectToArray": "$used"}, _typed("$$month.v", "int", "long"))
        ),
    ]
}
"""The rules of `account_of` as an expression, for updates that leave a damaged document alone."""


def account_of(document: Document) -> Account:
    """Read slots and counters; raises DamagedLedgerError where a type is wrong."""
    try:
        used = _a(dict, document.get("used", {})).items()
        slots = tuple(map(_slot, _a(list, document.get("slots", []))))
        return Account(slots, tuple(sorted((period, _units(units)) for period, units in used)))
    except (KeyError, TypeError):
        raise DamagedLedgerError(str(document["_id"])) from None


def corrections_of(document: Document) -> Iterator[Correction]:
    """Read all corrections; one that cannot be read is logged and left out."""
    kept = document.get("corrections", [])
    for one in kept if isinstance(kept, list) else []:
        try:
            yield _correction(one)
        except (KeyError, TypeError, ValueError):
            log.warning("correction_unreadable", developer=str(document["_id"]))


def _units(value: object) -> int:
    if isinstance(value, bool):
        raise TypeError("bool")
    return _a(int, value)


def _slot(document: Document) -> Slot:
    generation, period, since = document["generation"], document["period"], document["since"]
    hold = document.get("hold")
    return Slot(_a(str, generation), _a(str, period), _a(datetime, since), None if hold is None else _a(str, hold))


def _a(kind: type[T], value: object) -> T:
    if not isinstance(value, kind):
        raise TypeError(kind.__name__)
    return value


def _correction(document: Document) -> Correction:
    units = tuple((period, units) for period, units in document["units"])
    added, removed = tuple(map(_slot, document["added"])), tuple(document["removed"])
    return Correction(document["id"], document["at"], document["by"], units, added, removed)
