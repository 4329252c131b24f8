from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError

from domain.webhooks.delivery import DeliveryState, EndReason
from events.owner import GenerationErased
from store.mongo.connection import Database, Document, Indexes, only_duplicates, reachable
from store.webhooks.deliveries import NO_HOST, AtLimit, Attempt, Delivery, Stats, pair_of
from store.webhooks.delivery_documents import (
    ATTEMPT_FIGURES,
    delivery_of,
    document_of,
    forgotten,
    older_than,
    queue_of,
    restarted,
    skipped,
    woken,
)

_PENDING: Document = {"state": "pending"}
_NEWEST_FIRST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_DELETED: frozenset[EndReason] = frozenset({"generation_deleted", "user_deleted", "project_deleted"})


class MongoDeliveries:
    """Deliveries in collection `webhook_deliveries`; the server deletes them at `expire_at`."""

    indexes: ClassVar[Indexes] = {
        "webhook_deliveries": [
            # The index alone excludes hosts and projects at limit, however many wait for them.
            IndexModel(
                [(name, ASCENDING) for name in ("due_at", "host", "project", "pair")],
                partialFilterExpression=_PENDING,
            ),
            IndexModel([(name, ASCENDING) for name in ("endpoint", "generation", "version")]),
            IndexModel([("endpoint", ASCENDING), *_NEWEST_FIRST]),
            IndexModel("expire_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_deliveries")

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        missing = list(deliveries)
        with reachable():
            while missing := await self._missing(missing):
                try:
                    # In order: no later event of a queue is kept before an earlier one.
                    await self._rows.insert_many(list(map(document_of, missing)), ordered=True)
                except BulkWriteError as error:
                    if not only_duplicates(error):
                        raise
                else:
                    return

    async def due(self, now: datetime, *, excluding: AtLimit, limit: int) -> Sequence[Delivery]:
        query: Document = {**_PENDING, "due_at": {"$lte": now}}
        names = {"host": excluding.hosts, "project": excluding.projects, "pair": excluding.pairs}
        query |= {name: {"$nin": sorted(at_limit)} for name, at_limit in names.items() if at_limit}
        with reachable():
            found = await self._rows.find(query).sort("due_at", ASCENDING).limit(limit).to_list(limit)
        return list(map(delivery_of, found))

    async def claim(self, delivery: Delivery, *, now: datetime, until: datetime, token: str) -> bool:
        query = {"_id": delivery.id, **_PENDING, "due_at": {"$lte": now}}
        return await self._update_one(query, {"$set": {"due_at": until, "claim": token}})

    async def earlier(self, delivery: Delivery) -> Sequence[Delivery]:
        query = {**queue_of(delivery), **_PENDING, "unordered": False, "version": {"$lt": delivery.version}}
        with reachable():
            return list(map(delivery_of, await self._rows.find(query, {"attempts": 0}).to_list(None)))

    async def is_gone(self, delivery: Delivery) -> bool:
        query = {**queue_of(delivery), "project": delivery.project, "state": "failed", "reason": "gone"}
        if delivery.restarted_at is not None:
            query["attempts.at"] = {"$gte": delivery.restarted_at}
        with reachable():
            return await self._rows.find_one(query, {"_id": 1}) is not None

    async def postpone(self, delivery: Delivery, token: str, until: datetime) -> None:
        fields = {"due_at": until, "claim": None, "blocked": True}
        await self._update_one({"_id": delivery.id, "claim": token}, {"$set": fields})

    async def record_attempt(
        self,
        delivery: Delivery,
        token: str,
        attempt: Attempt,
        *,
        state: DeliveryState,
        due_at: datetime | None,
        reason: EndReason | None,
    ) -> None:
        failures = 0 if state == "delivered" else delivery.failures + 1
        fields = {"state": state, "reason": reason, "due_at": due_at, "claim": None, "failures": failures}
        claimed, kept = {"_id": delivery.id, "claim": token}, {"attempts": asdict(attempt)}
        if not await self._update_one(claimed, {"$set": fields, "$push": kept}):
            await self._record_late(delivery, attempt)

    async def skip(self, delivery: Delivery, token: str, reason: EndReason) -> None:
        update = skipped(reason)
        if reason in _DELETED:
            update["$set"] |= forgotten(delivery.project)
        await self._update_one({"_id": delivery.id, "claim": token}, update)

    async def wake(self, delivery: Delivery, now: datetime) -> None:
        await self._update({**queue_of(delivery), **_PENDING, "blocked": True}, woken(now))

    async def get(self, project: str, endpoint: str, delivery: str) -> Delivery | None:
        with reachable():
            found = await self._rows.find_one({"_id": delivery, "project": project, "endpoint": endpoint})
        return delivery_of(found) if found else None

    async def page(
        self, project: str, endpoint: str, *, state: DeliveryState | None, before: str | None, limit: int
    ) -> Sequence[Delivery] | None:
        query: Document = {"endpoint": endpoint, "project": project}
        if before is not None:
            last = await self.get(project, endpoint, before)
            if last is None:
                return None
            query |= older_than(last)
        if state is not None:
            query["state"] = state
        with reachable():
            found = await self._rows.find(query).sort(_NEWEST_FIRST).limit(limit).to_list(limit)
        return list(map(delivery_of, found))

    async def resend(self, project: str, endpoint: str, delivery: str, now: datetime) -> Delivery | None:
        query = {"_id": delivery, "project": project, "endpoint": endpoint}
        update = restarted(now, unordered=True)
        with reachable():
            found = await self._rows.find_one_and_update(query, update, return_document=True)
        return delivery_of(found) if found else None

    async def recover(self, project: str, endpoint: str, *, since: datetime, now: datetime) -> int:
        ended = {"state": {"$in": ["failed", "skipped"]}, "event_time": {"$gte": since}, "example": False}
        query = {"endpoint": endpoint, "project": project, **ended}
        return await self._update(query, restarted(now, unordered=False))

    async def skip_all(self, endpoint: str, reason: EndReason, *, generation: str | None = None) -> int:
        query: Document = {"endpoint": endpoint, **_PENDING}
        return await self._update(query | ({"generation": generation} if generation else {}), skipped(reason))

    async def set_host(self, project: str, endpoint: str, host: str) -> None:
        elsewhere = {"endpoint": endpoint, "project": project, "host": {"$nin": [host, NO_HOST]}}
        await self._update(elsewhere, {"$set": {"host": host, "pair": pair_of(project, host)}})

    async def forget(self, project: str, endpoints: Sequence[str], generation: str, now: datetime) -> None:
        queues: Document = {
            "endpoint": {"$in": list(endpoints)},
            "project": project,
            "generation": generation,
        }
        erased = {**queues, "type": {"$ne": GenerationErased.type}}
        await self._update({**erased, **_PENDING}, skipped("generation_deleted"))
        await self._update(erased, {"$set": forgotten(project)})
        await self._update({**queues, **_PENDING, "blocked": True}, woken(now))

    async def erase(self, endpoint: str) -> None:
        with reachable():
            await self._rows.delete_many({"endpoint": endpoint})

    async def stats(self, project: str, endpoint: str, *, since: datetime) -> Stats:
        match = {"$match": {"endpoint": endpoint, "project": project, "created_at": {"$gte": since}}}
        by_state: list[Document] = [match, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
        attempts: list[Document] = [match, {"$unwind": "$attempts"}, {"$group": ATTEMPT_FIGURES}]
        with reachable():
            states = await self._rows.aggregate(by_state).to_list(None)
            [figures] = await self._rows.aggregate(attempts).to_list(1) or [{}]
        return Stats(
            states={document["_id"]: document["count"] for document in states},
            attempts=figures.get("count", 0),
            mean_milliseconds=figures.get("mean"),
            last_success_at=figures.get("success"),
            last_failure_at=figures.get("failure"),
        )

    async def _missing(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        ids = [delivery.id for delivery in deliveries]
        found = await self._rows.find({"_id": {"$in": ids}}, {"_id": 1}).to_list(None) if ids else []
        known = {document["_id"] for document in found}
        return [delivery for delivery in deliveries if delivery.id not in known]

    async def _record_late(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keep an attempt that ended after its claim, without its response if the delivery was forgotten."""
        for host, kept in (({"$ne": NO_HOST}, attempt), (NO_HOST, replace(attempt, response=""))):
            query = {"_id": delivery.id, "host": host}
            if await self._update_one(query, {"$push": {"attempts": asdict(kept)}}):
                return

    async def _update_one(self, query: Document, update: Document) -> bool:
        with reachable():
            return (await self._rows.update_one(query, update)).matched_count == 1

    async def _update(self, query: Document, update: Document) -> int:
        with reachable():
            return int((await self._rows.update_many(query, update)).modified_count)
