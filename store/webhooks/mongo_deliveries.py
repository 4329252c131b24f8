from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime, timedelta
from typing import ClassVar

import structlog
from pymongo import ASCENDING, DESCENDING, IndexModel, UpdateOne

from domain.webhooks import delivery as changes
from domain.webhooks.delivery import MOST_ATTEMPTS, NO_HOST, Attempt, Delivery, DeliveryState, EndReason, pair_of
from domain.webhooks.delivery_filter import OWNER_DELETED, DeliveryFilter
from events.owner import GenerationErased
from store.mongo.connection import Database, Document, Indexes, aggregate, raises_unavailable
from store.mongo.deleting import delete_in_batches
from store.webhooks.deliveries import AtLimit, Stats
from store.webhooks.delivery_queries import chosen_by, restartable_by

_UNREADABLE_PAUSE = timedelta(hours=1)
_DELIVERY = {one.name for one in fields(Delivery)} - {"id"}
_ATTEMPT = {one.name for one in fields(Attempt)}
_PENDING: Document = {"state": "pending"}
_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_FAILED = {"$ne": ["$attempts.error", None]}
_ATTEMPT_FIGURES: Document = {
    "_id": None,
    "count": {"$sum": 1},
    "mean": {"$avg": "$attempts.milliseconds"},
    "success": {"$max": {"$cond": [_FAILED, None, "$attempts.at"]}},
    "failure": {"$max": {"$cond": [_FAILED, "$attempts.at", None]}},
}

log = structlog.get_logger()


@raises_unavailable
class MongoDeliveries:
    """Deliveries in collection `webhook_deliveries`; the server deletes them at `expire_at`."""

    indexes: ClassVar[Indexes] = {
        "webhook_deliveries": [
            # The index alone excludes what is at limit, however many wait for them.
            IndexModel(
                [(name, ASCENDING) for name in ("due_at", "host", "project", "pair", "developer", "user")],
                partialFilterExpression=_PENDING,
            ),
            IndexModel([(name, ASCENDING) for name in ("endpoint", "generation", "version")]),
            IndexModel([("endpoint", ASCENDING), *_NEWEST_FIRST]),
            IndexModel("expire_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_deliveries")
        self._compared: datetime | None = None

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        ids = [delivery.id for delivery in deliveries]
        known = set(await self._rows.distinct("_id", {"_id": {"$in": ids}})) if ids else set()
        missing = [_document(delivery) for delivery in deliveries if delivery.id not in known]
        upserts = [UpdateOne({"_id": new["_id"]}, {"$setOnInsert": new}, upsert=True) for new in missing]
        if upserts:  # in order: no later event of a queue is kept before an earlier one
            await self._rows.bulk_write(upserts, ordered=True)

    async def due(self, now: datetime, *, excluding: AtLimit, limit: int) -> Sequence[Delivery]:
        query: Document = {**_PENDING, "due_at": {"$lte": now}}
        names = {"host": excluding.hosts, "project": excluding.projects, "pair": excluding.pairs}
        names |= {"developer": excluding.developers, "user": excluding.users}
        query |= {name: {"$nin": sorted(at_limit)} for name, at_limit in names.items() if at_limit}
        found = await self._rows.find(query).sort("due_at", ASCENDING).limit(limit).to_list(limit)
        read = [delivery for document in found if (delivery := _readable(document)) is not None]
        if len(read) < len(found):
            damaged = {document["_id"] for document in found} - {delivery.id for delivery in read}
            await self._update({"_id": {"$in": [*damaged]}}, {"due_at": now + _UNREADABLE_PAUSE})
        return read

    async def claim(self, delivery: Delivery, *, now: datetime, until: datetime, token: str) -> bool:
        query = {"_id": delivery.id, **_PENDING, "due_at": {"$lte": now}}
        return await self._update_one(query, {"due_at": until, "claim": token, "blocked": False})

    async def earlier(self, delivery: Delivery) -> Sequence[Delivery]:
        query = {**_queue(delivery), **_PENDING, "unordered": False, "version": {"$lt": delivery.version}}
        return list(map(_delivery, await self._rows.find(query, {"attempts": 0}).to_list(None)))

    async def is_gone(self, delivery: Delivery) -> bool:
        query = {**_queue(delivery), "project": delivery.project, "state": "failed", "reason": "gone"}
        if delivery.restarted_at is not None:
            query["attempts.at"] = {"$gte": delivery.restarted_at}
        return await self._rows.find_one(query, {"_id": 1}) is not None

    async def postpone(self, delivery: Delivery, token: str, until: datetime) -> None:
        await self._update_one({"_id": delivery.id, "claim": token}, changes.postponed(until))

    async def record_attempt(self, delivery: Delivery, token: str, attempt: Attempt, retry_at: datetime | None) -> None:
        claimed = {"_id": delivery.id, "claim": token}
        if await self._update_one(claimed, changes.attempted(delivery, attempt, retry_at), attempt):
            return
        # The claim was lost meanwhile; a forgotten delivery keeps no response.
        for host, kept in (({"$ne": NO_HOST}, attempt), (NO_HOST, replace(attempt, response=""))):
            if await self._update_one({"_id": delivery.id, "host": host}, {}, kept):
                return

    async def skip(self, delivery: Delivery, token: str, reason: EndReason) -> None:
        forgotten = _forgotten(delivery.project) if reason in OWNER_DELETED else {}
        await self._update_one({"_id": delivery.id, "claim": token}, changes.skipped(reason) | forgotten)

    async def wake(self, delivery: Delivery, now: datetime) -> None:
        await self._update({**_queue(delivery), **_PENDING, "blocked": True}, changes.woken(now))

    async def make_due(self, now: datetime, *, after: datetime, limit: int) -> int:
        query: Document = {**_PENDING, "due_at": {"$gt": max(after, self._compared or after)}}
        page = await self._rows.find(query, {"due_at": 1}, sort=[("due_at", ASCENDING)], limit=limit).to_list(limit)
        self._compared = _before_last([one["due_at"] for one in page]) if len(page) == limit else None
        ahead = [{"attempts": []}, {"attempts.at": {"$gt": after}}]
        query = {"_id": {"$in": [one["_id"] for one in page]}, **_PENDING, "due_at": {"$gt": after}}
        return await self._update(query | {"blocked": {"$ne": True}, "$or": ahead}, {"due_at": now}) if page else 0

    async def get(self, project: str, endpoint: str, delivery: str) -> Delivery | None:
        found = await self._rows.find_one({"_id": delivery, "project": project, "endpoint": endpoint})
        return _delivery(found) if found else None

    async def page(
        self, project: str, endpoint: str, chosen: DeliveryFilter, *, before: str | None, limit: int
    ) -> Sequence[Delivery] | None:
        query = chosen_by(project, endpoint, chosen)
        if before is not None:
            last = await self.get(project, endpoint, before)
            if last is None:
                return None
            created = last.created_at
            query["$or"] = [
                {"created_at": {"$lt": created}},
                {"created_at": created, "_id": {"$lt": last.id}},
            ]
        found = await self._rows.find(query).sort(_NEWEST_FIRST).limit(limit).to_list(limit)
        return list(map(_delivery, found))

    async def states(self, ids: Sequence[str]) -> Mapping[str, DeliveryState]:
        found = await self._rows.find({"_id": {"$in": [*ids]}}, {"state": 1}).to_list(None)
        return {row["_id"]: row["state"] for row in found}

    async def resend(self, project: str, endpoint: str, delivery: str, now: datetime) -> Delivery | None:
        query = {"_id": delivery, "project": project, "endpoint": endpoint}
        update = {"$set": changes.restarted(now, unordered=True)}
        # Not find_one_and_update: MongoDB keeps a copy of what that returns, and with it the receiver's answers.
        if not (await self._rows.update_one(query, update)).matched_count:
            return None
        found = await self._rows.find_one(query)
        return _delivery(found) if found else None

    async def count(self, project: str, endpoint: str, chosen: DeliveryFilter) -> int:
        return int(await self._rows.count_documents(restartable_by(project, endpoint, chosen)))

    async def restart(self, project: str, endpoint: str, chosen: DeliveryFilter, now: datetime) -> int:
        return await self._update(restartable_by(project, endpoint, chosen), changes.restarted(now, unordered=False))

    async def skip_all(self, endpoint: str, reason: EndReason, *, generation: str | None = None) -> int:
        query: Document = {"endpoint": endpoint, **_PENDING}
        return await self._update(query | ({"generation": generation} if generation else {}), changes.skipped(reason))

    async def set_host(self, project: str, endpoint: str, host: str) -> None:
        elsewhere = {"endpoint": endpoint, "project": project, "host": {"$nin": [host, NO_HOST]}}
        await self._update(elsewhere, {"host": host, "pair": pair_of(project, host)})

    async def erase_generation(self, project: str, endpoints: Sequence[str], generation: str, now: datetime) -> None:
        queues: Document = {"endpoint": {"$in": list(endpoints)}, "project": project}
        queues["generation"] = generation
        erased = {**queues, "type": {"$ne": GenerationErased.type}}
        await self._update({**erased, **_PENDING}, changes.skipped("generation_deleted"))
        await self._update(erased, _forgotten(project))
        await self._update({**queues, **_PENDING, "blocked": True}, changes.woken(now))

    async def erase(self, endpoint: str) -> None:
        await delete_in_batches(self._rows, {"endpoint": endpoint}, batch=1000)

    async def stats(self, project: str, endpoint: str, *, since: datetime) -> Stats:
        match = {"$match": {"endpoint": endpoint, "project": project, "created_at": {"$gte": since}}}
        by_state: list[Document] = [match, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        attempts: list[Document] = [match, {"$unwind": "$attempts"}, {"$group": _ATTEMPT_FIGURES}]
        states = await aggregate(self._rows, by_state)
        [figures] = await aggregate(self._rows, attempts, most=1) or [{}]
        return Stats(
            states={document["_id"]: document["count"] for document in states},
            attempts=figures.get("count", 0),
            mean_milliseconds=figures.get("mean"),
            last_success_at=figures.get("success"),
            last_failure_at=figures.get("failure"),
        )

    async def _update_one(self, query: Document, fields: Document, attempt: Attempt | None = None) -> bool:
        update = {"$set": fields} if fields else {}
        if attempt is not None:
            update["$push"] = {"attempts": {"$each": [asdict(attempt)], "$slice": -MOST_ATTEMPTS}}
        return (await self._rows.update_one(query, update)).matched_count == 1

    async def _update(self, query: Document, fields: Document) -> int:
        return int((await self._rows.update_many(query, {"$set": fields})).modified_count)


def _before_last(times: Sequence[datetime]) -> datetime:
    """Choose where the next page begins: with the last time again, which more rows may have, unless all have it."""
    before = times[-1] - timedelta(milliseconds=1)
    return before if before > times[0] else times[-1]


def _queue(delivery: Delivery) -> Document:
    return {"endpoint": delivery.endpoint, "generation": delivery.generation}


def _forgotten(project: str) -> Document:
    """Delete the receiver's host and its responses."""
    return {"host": NO_HOST, "pair": pair_of(project, NO_HOST), "attempts.$[].response": ""}


def _document(delivery: Delivery) -> Document:
    fields = asdict(delivery)
    return {"_id": fields.pop("id"), **fields, "pair": delivery.pair}


def _readable(document: Document) -> Delivery | None:
    """Read a document; log a damaged one, which may not delay the others."""
    try:
        return _delivery(document)
    except TypeError as error:
        log.critical("delivery_unreadable", delivery=document["_id"], error=error)
        return None


def _delivery(document: Document) -> Delivery:
    """Read a document; the attempts may be left out, and newer code may have added fields."""
    known = {name: value for name, value in document.items() if name in _DELIVERY}
    attempts = tuple(map(_attempt, known.pop("attempts", ())))
    return Delivery(id=document["_id"], attempts=attempts, **known)


def _attempt(document: Document) -> Attempt:
    return Attempt(**{name: document[name] for name in document if name in _ATTEMPT})
