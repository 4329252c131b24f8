from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import BulkWriteError

from domain.webhooks.delivery import Ended, State
from events.generation import GenerationErased
from store.mongo.connection import Database, Document, Indexes, only_duplicates, reachable
from store.webhooks.deliveries import Attempt, Busy, Delivery, Stats, pair_of
from store.webhooks.delivery_documents import (
    ATTEMPTS,
    FORGOTTEN,
    anew,
    awake,
    behind,
    blank,
    delivery_of,
    document_of,
    line_of,
    skipped,
)

_PENDING: Document = {"state": "pending"}
_OWNER_LEFT: frozenset[Ended] = frozenset({"generation_deleted", "user_deleted", "project_deleted"})
_UNFINISHED: Document = {**_PENDING, "lone": False}


class MongoDeliveries:
    """Deliveries in collection `webhook_deliveries`, forgotten by the server at `expire_at`."""

    indexes: ClassVar[Indexes] = {
        "webhook_deliveries": [
            # Busy hosts and projects are left out by the index alone, however many wait for them.
            IndexModel(
                [(name, ASCENDING) for name in ("due_at", "host", "project", "pair")],
                partialFilterExpression=_PENDING,
            ),
            IndexModel([(name, ASCENDING) for name in ("endpoint", "generation", "version")]),
            IndexModel([("endpoint", ASCENDING), ("created_at", DESCENDING), ("_id", DESCENDING)]),
            IndexModel("expire_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, database: Database) -> None:
        self._rows = database.get_collection("webhook_deliveries")

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        fresh = list(deliveries)
        with reachable():
            while fresh := await self._absent(fresh):
                try:
                    # In order: no later event of a line stands here before an earlier one.
                    await self._rows.insert_many(list(map(document_of, fresh)), ordered=True)
                except BulkWriteError as error:
                    if not only_duplicates(error):
                        raise
                else:
                    return

    async def due(self, now: datetime, *, without: Busy, limit: int) -> Sequence[Delivery]:
        query: Document = {**_PENDING, "due_at": {"$lte": now}}
        for name, busy in (("host", without.hosts), ("project", without.projects), ("pair", without.pairs)):
            if busy:
                query[name] = {"$nin": sorted(busy)}
        with reachable():
            found = await self._rows.find(query).sort("due_at", ASCENDING).limit(limit).to_list(limit)
        return [delivery_of(document) for document in found]

    async def claim(self, delivery: Delivery, *, now: datetime, until: datetime, token: str) -> bool:
        query = {"_id": delivery.id, "state": "pending", "due_at": {"$lte": now}}
        with reachable():
            taken = await self._rows.update_one(query, {"$set": {"due_at": until, "claim": token}})
        return taken.modified_count == 1

    async def earlier(self, delivery: Delivery) -> Sequence[Delivery]:
        query = {**line_of(delivery), **_UNFINISHED, "version": {"$lt": delivery.version}}
        with reachable():
            found = await self._rows.find(query, {"attempts": 0}).to_list(None)
        return [delivery_of(document) for document in found]

    async def is_gone(self, delivery: Delivery) -> bool:
        query = {**line_of(delivery), "project": delivery.project, "state": "failed", "reason": "gone"}
        if delivery.asked_at is not None:
            query["attempts.at"] = {"$gte": delivery.asked_at}
        with reachable():
            return await self._rows.find_one(query, {"_id": 1}) is not None

    async def put_off(self, delivery: Delivery, token: str, until: datetime) -> None:
        change = {"$set": {"due_at": until, "claim": None, "blocked": True}}
        await self._update({"_id": delivery.id, "claim": token}, change)

    async def settle(
        self,
        delivery: Delivery,
        token: str,
        attempt: Attempt,
        *,
        state: State,
        due_at: datetime | None,
        reason: Ended | None,
    ) -> None:
        kept = {"$push": {"attempts": asdict(attempt)}}
        failures = 0 if state == "delivered" else delivery.failures + 1
        fields = {
            "state": state,
            "reason": reason,
            "due_at": due_at,
            "claim": None,
            "failures": failures,
        }
        with reachable():
            mine = await self._rows.update_one({"_id": delivery.id, "claim": token}, {"$set": fields, **kept})
            if mine.matched_count == 0:
                await self._keep_late(delivery, attempt)

    async def skip(self, delivery: Delivery, token: str, reason: Ended) -> None:
        change = skipped(reason)
        if reason in _OWNER_LEFT:
            change["$set"] |= blank(delivery.project)
        await self._update({"_id": delivery.id, "claim": token}, change)

    async def wake(self, delivery: Delivery, now: datetime) -> None:
        query = {**line_of(delivery), "state": "pending", "blocked": True}
        await self._update(query, awake(now))

    async def get(self, project: str, endpoint: str, delivery: str) -> Delivery | None:
        with reachable():
            found = await self._rows.find_one({"_id": delivery, "project": project, "endpoint": endpoint})
        return delivery_of(found) if found else None

    async def page(
        self, project: str, endpoint: str, *, state: State | None, before: str | None, limit: int
    ) -> Sequence[Delivery] | None:
        query: Document = {"endpoint": endpoint, "project": project}
        if before is not None:
            last = await self.get(project, endpoint, before)
            if last is None:
                return None
            query |= behind(last)
        if state is not None:
            query["state"] = state
        newest = [("created_at", DESCENDING), ("_id", DESCENDING)]
        with reachable():
            found = await self._rows.find(query).sort(newest).limit(limit).to_list(limit)
        return [delivery_of(document) for document in found]

    async def resend(self, project: str, endpoint: str, delivery: str, now: datetime) -> Delivery | None:
        query = {"_id": delivery, "project": project, "endpoint": endpoint}
        fields = {**anew(now), "lone": True}
        with reachable():
            found = await self._rows.find_one_and_update(query, {"$set": fields}, return_document=True)
        return delivery_of(found) if found else None

    async def recover(self, project: str, endpoint: str, *, since: datetime, now: datetime) -> int:
        query = {
            "endpoint": endpoint,
            "project": project,
            "state": {"$in": ["failed", "skipped"]},
            "event_time": {"$gte": since},
            "example": False,
        }
        return await self._update(query, {"$set": {**anew(now), "lone": False}})

    async def skip_all(self, endpoint: str, reason: Ended, *, generation: str | None = None) -> int:
        query: Document = {"endpoint": endpoint, "state": "pending"}
        return await self._update(query | ({"generation": generation} if generation else {}), skipped(reason))

    async def move(self, project: str, endpoint: str, host: str) -> None:
        elsewhere = {"endpoint": endpoint, "project": project, "host": {"$nin": [host, FORGOTTEN]}}
        await self._update(elsewhere, {"$set": {"host": host, "pair": pair_of(project, host)}})

    async def forget(self, project: str, endpoints: Sequence[str], generation: str, now: datetime) -> None:
        line: Document = {"endpoint": {"$in": list(endpoints)}, "project": project, "generation": generation}
        told = {**line, "type": {"$ne": GenerationErased.type}}
        await self._update({**told, **_PENDING}, skipped("generation_deleted"))
        await self._update(told, {"$set": blank(project)})
        await self._update({**line, **_PENDING, "blocked": True}, awake(now))

    async def erase(self, endpoint: str) -> None:
        with reachable():
            await self._rows.delete_many({"endpoint": endpoint})

    async def stats(self, project: str, endpoint: str, *, since: datetime) -> Stats:
        match = {"endpoint": endpoint, "project": project, "created_at": {"$gte": since}}
        attempts: list[Document] = [{"$match": match}, {"$unwind": "$attempts"}, {"$group": ATTEMPTS}]
        with reachable():
            states = await self._rows.aggregate(
                [{"$match": match}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
            ).to_list(None)
            [sums] = await self._rows.aggregate(attempts).to_list(1) or [{}]
        return Stats(
            {document["_id"]: document["count"] for document in states},
            sums.get("count", 0),
            sums.get("mean"),
            sums.get("success"),
            sums.get("failure"),
        )

    async def _absent(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        ids = [delivery.id for delivery in deliveries]
        found = await self._rows.find({"_id": {"$in": ids}}, {"_id": 1}).to_list(None) if ids else []
        known = {document["_id"] for document in found}
        return [delivery for delivery in deliveries if delivery.id not in known]

    async def _keep_late(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keep an attempt that ended after its claim; of one that was forgotten meanwhile not the answer."""
        for host, kept in (({"$ne": FORGOTTEN}, attempt), (FORGOTTEN, replace(attempt, response=""))):
            query = {"_id": delivery.id, "host": host}
            if (await self._rows.update_one(query, {"$push": {"attempts": asdict(kept)}})).matched_count:
                return

    async def _update(self, query: Document, change: Document) -> int:
        with reachable():
            return int((await self._rows.update_many(query, change)).modified_count)
