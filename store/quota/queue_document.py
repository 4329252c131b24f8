"""The queue in the counters of the ledger: a list of those that wait for their slot, in the order of arrival.

`turn` beside it is the number of the last arrival or turn.
"""

from datetime import datetime
from typing import Final

from domain.accounts.slot_queue import Waiting
from store.mongo.connection import Document

QUEUE: Final[Document] = {"$cond": [{"$isArray": "$queue"}, "$queue", []]}
_NEXT: Final[Document] = {"$add": [{"$ifNull": ["$turn", 0]}, 1]}


def waits(generation: str) -> Document:
    """Tell whether a generation is in the queue."""
    return {"$in": [{"$literal": generation}, {"$map": {"input": QUEUE, "as": "one", "in": "$$one.generation"}}]}


def without(generation: str) -> Document:
    """Leave a generation out."""
    others = {"$ne": ["$$one.generation", {"$literal": generation}]}
    return {"$filter": {"input": QUEUE, "as": "one", "cond": others}}


def arrival(generation: str, user: str, since: datetime) -> Document:
    """Add a generation with the next number, as members of the counters."""
    names = {"generation": {"$literal": generation}, "user": {"$literal": user}}
    return {"queue": {"$concatArrays": [QUEUE, [{**names, "since": since, "number": _NEXT}]]}, "turn": _NEXT}


def turn_of(generation: str) -> Document:
    """Take out a generation whose turn it is, and put the others of its user behind this turn."""
    is_own = {"$eq": ["$$one.generation", {"$literal": generation}]}
    own = {"$first": {"$filter": {"input": QUEUE, "as": "one", "cond": is_own}}}
    behind = {"$mergeObjects": ["$$one", {"number": {"$max": ["$$one.number", _NEXT]}}]}
    served = {"$cond": [{"$eq": ["$$one.user", "$$own.user"]}, behind, "$$one"]}
    left = {"$map": {"input": without(generation), "as": "one", "in": served}}
    return {"queue": {"$let": {"vars": {"own": own}, "in": left}}, "turn": _NEXT}


def waiting_of(document: Document) -> Waiting:
    """Read one that waits; raises KeyError and TypeError."""
    found = Waiting(document["generation"], document["user"], document["since"], document["number"])
    kinds = (str, str, datetime, int)
    values = (found.generation, found.user, found.since, found.number)
    if any(not isinstance(value, kind) for value, kind in zip(values, kinds, strict=True)):
        raise TypeError("queue")
    return found
