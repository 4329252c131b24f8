"""Deliveries as MongoDB documents, and the updates and queries made of them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from domain.webhooks.delivery import EndReason
from store.mongo.connection import Document
from store.webhooks.deliveries import NO_HOST, Attempt, Delivery, pair_of

_FAILED = {"$ne": ["$attempts.error", None]}
ATTEMPT_FIGURES: Document = {
    "_id": None,
    "count": {"$sum": 1},
    "mean": {"$avg": "$attempts.milliseconds"},
    "success": {"$max": {"$cond": [_FAILED, None, "$attempts.at"]}},
    "failure": {"$max": {"$cond": [_FAILED, "$attempts.at", None]}},
}
_DERIVED = frozenset({"_id", "pair", "blocked"})


def restarted(now: datetime, *, unordered: bool) -> Document:
    """Return the update that starts a delivery's attempts again."""
    fields = {"state": "pending", "reason": None, "due_at": now, "claim": None, "failures": 0}
    return {"$set": {**fields, "blocked": False, "restarted_at": now, "unordered": unordered}}


def skipped(reason: EndReason) -> Document:
    """Return the update that ends a delivery without an attempt."""
    fields = {"state": "skipped", "reason": reason, "due_at": None, "claim": None, "blocked": False}
    return {"$set": fields}


def woken(now: datetime) -> Document:
    """Return the update that makes a postponed delivery due."""
    return {"$set": {"due_at": now, "blocked": False}}


def forgotten(project: str) -> Document:
    """Return the fields that delete the receiver's host and its responses."""
    return {"host": NO_HOST, "pair": pair_of(project, NO_HOST), "attempts.$[].response": ""}


def older_than(last: Delivery) -> Document:
    """Return the query for deliveries older than one."""
    created = last.created_at
    return {"$or": [{"created_at": {"$lt": created}}, {"created_at": created, "_id": {"$lt": last.id}}]}


def queue_of(delivery: Delivery) -> Document:
    """Return the query for the deliveries of one generation at one endpoint."""
    return {"endpoint": delivery.endpoint, "generation": delivery.generation}


def document_of(delivery: Delivery) -> Document:
    """Write a delivery as a document."""
    fields: dict[str, Any] = asdict(delivery)
    fields["attempts"] = list(fields["attempts"])
    return {"_id": fields.pop("id"), **fields, "pair": delivery.pair, "blocked": False}


def delivery_of(document: Document) -> Delivery:
    """Read a document; the attempts may be left out."""
    fields = {name: value for name, value in document.items() if name not in _DERIVED}
    attempts = tuple(Attempt(**attempt) for attempt in fields.pop("attempts", ()))
    return Delivery(id=document["_id"], attempts=attempts, **fields)
