"""Deliveries as MongoDB keeps them, and the changes that are made to them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from domain.webhooks.delivery import Ended
from store.mongo.connection import Document
from store.webhooks.deliveries import Attempt, Delivery, pair_of

FORGOTTEN = ""  # the host of a delivery whose generation was erased
_FAILED = {"$ne": ["$attempts.error", None]}
ATTEMPTS: Document = {
    "_id": None,
    "count": {"$sum": 1},
    "mean": {"$avg": "$attempts.milliseconds"},
    "success": {"$max": {"$cond": [_FAILED, None, "$attempts.at"]}},
    "failure": {"$max": {"$cond": [_FAILED, "$attempts.at", None]}},
}


def anew(now: datetime) -> Document:
    """Write how the attempts of a delivery start once more."""
    return {
        "state": "pending",
        "reason": None,
        "due_at": now,
        "claim": None,
        "failures": 0,
        "blocked": False,
        "asked_at": now,
    }


def skipped(reason: Ended) -> Document:
    """Write the change that ends a delivery without an attempt."""
    fields = {"state": "skipped", "reason": reason, "due_at": None, "claim": None, "blocked": False}
    return {"$set": fields}


def awake(now: datetime) -> Document:
    """Write the change after which a delivery is looked at again."""
    return {"$set": {"due_at": now, "blocked": False}}


def blank(project: str) -> Document:
    """Write what forgets whom a delivery went to and what came back."""
    return {"host": FORGOTTEN, "pair": pair_of(project, FORGOTTEN), "attempts.$[].response": ""}


def behind(last: Delivery) -> Document:
    """Write the query for what is older than a delivery."""
    created = last.created_at
    return {"$or": [{"created_at": {"$lt": created}}, {"created_at": created, "_id": {"$lt": last.id}}]}


def line_of(delivery: Delivery) -> Document:
    """Write the query for the deliveries of its generation at its endpoint."""
    return {"endpoint": delivery.endpoint, "generation": delivery.generation}


def document_of(delivery: Delivery) -> Document:
    """Write a delivery down."""
    fields: dict[str, Any] = asdict(delivery)
    fields["attempts"] = list(fields["attempts"])
    return {
        "_id": fields.pop("id"),
        **fields,
        "pair": pair_of(delivery.project, delivery.host),
        "blocked": False,
    }


def delivery_of(document: Document) -> Delivery:
    """Read a delivery; the attempts may be left out."""
    fields = {name: value for name, value in document.items() if name not in _BESIDE}
    attempts = tuple(Attempt(**attempt) for attempt in fields.pop("attempts", ()))
    return Delivery(id=document["_id"], attempts=attempts, **fields)


_BESIDE = frozenset({"_id", "pair", "blocked"})
