from collections.abc import Sequence
from typing import Any, ClassVar

from pymongo import ASCENDING, DESCENDING, IndexModel

from domain.generation.listing import TOTAL_BOUND, Filters, ListCursor, Scope, label_of
from store.generations.lists import Stretch, Total
from store.generations.mongo_projection import row_from
from store.generations.projection import Row
from store.mongo.connection import Database, Document, Indexes, reachable

_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]
_SCOPES: dict[str, tuple[tuple[str, ...], Document]] = {
    "own": (("project", "user"), {"erased": False}),
    "project": (("project",), {"erased": False}),
    "public": (("project",), {"is_public": True}),
}
_FIELDS: dict[str, tuple[tuple[str, ...], Document]] = {
    "all": ((), {}),
    "state": (("shown",), {}),
    "label": (("labels",), {"labels": {"$gt": ""}}),
    "request": (("request_id",), {}),
}


class MongoLists:
    """Lists of the rows in a collection (default `generations`).

    Each query names its index: every one ends in the order of the list, so nothing is ever sorted, and the
    planner cannot take one that a common value of yesterday made look good. What the index does not hold is
    compared with at most `bound` rows that it finds.
    """

    indexes: ClassVar[Indexes] = {
        "generations": [
            IndexModel(
                [*((field, ASCENDING) for field in (*owner, *fields)), *_NEWEST],
                name=f"{scope}_{name}",
                partialFilterExpression={**kept, **some},
            )
            for scope, (owner, kept) in _SCOPES.items()
            for name, (fields, some) in _FIELDS.items()
        ]
    }

    def __init__(self, database: Database, *, bound: int = TOTAL_BOUND) -> None:
        self._rows = database.get_collection("generations")
        self._bound = bound

    async def page(self, scope: Scope, filters: Filters, *, page: int, per_page: int) -> Sequence[Row]:
        return await self._read(query_of(scope, filters), scope, filters, (page - 1) * per_page, per_page)

    async def behind(
        self, place: ListCursor | None, scope: Scope, filters: Filters, *, limit: int
    ) -> Stretch:
        query = query_of(scope, filters)
        if place is not None:
            # The first bounds the index; the second, in a form that no other plan can be made of, takes out
            # those of the same moment that were read.
            query["$and"] = [{"created_at": {"$lte": place.created_at}}]
            query["$nor"] = [{"created_at": place.created_at, "_id": {"$gte": place.id}}]
        rows = await self._read(query, scope, filters, 0, limit + 1)
        if len(rows) > limit:
            return Stretch(rows[:limit], ListCursor(rows[limit - 1].created_at, rows[limit - 1].id))
        return Stretch(rows, await self._last_compared(query, scope, filters))

    async def total(self, scope: Scope, filters: Filters) -> Total:
        query, hint = query_of(scope, filters), index_of(scope, filters)
        indexed, rest = _parted(query, scope, filters)
        with reachable():
            found = await self._rows.count_documents(indexed, limit=self._bound + 1, hint=hint)
            if rest:
                steps = [*self._compared(indexed, rest), {"$count": "found"}]
                counted = await self._rows.aggregate(steps, hint=hint).to_list(1)
                return Total(counted[0]["found"] if counted else 0, found <= self._bound)
        return Total(min(found, self._bound), found <= self._bound)

    async def _read(
        self, query: Document, scope: Scope, filters: Filters, skip: int, limit: int
    ) -> Sequence[Row]:
        indexed, rest = _parted(query, scope, filters)
        hint = index_of(scope, filters)
        found: Any = self._rows.find(query).hint(hint).skip(skip).limit(limit)
        if rest:
            steps = [*self._compared(indexed, rest), {"$skip": skip}, {"$limit": limit}]
            found = self._rows.aggregate(steps, hint=hint)
        elif filters.id is None:
            found = found.sort(_NEWEST)
        with reachable():
            return [row_from(document) for document in await found.to_list(limit)]

    def _compared(self, indexed: Document, rest: Document) -> list[Document]:
        """Compare the newest rows that the index finds with what it does not hold."""
        return [{"$match": indexed}, {"$sort": dict(_NEWEST)}, {"$limit": self._bound}, {"$match": rest}]

    async def _last_compared(self, query: Document, scope: Scope, filters: Filters) -> ListCursor | None:
        """Find the row at which comparing stopped; None when everything was compared."""
        indexed, rest = _parted(query, scope, filters)
        if not rest:
            return None
        found = self._rows.find(indexed, {"created_at": 1}).hint(index_of(scope, filters)).sort(_NEWEST)
        with reachable():
            last = await found.skip(self._bound - 1).limit(1).to_list(1)
        return ListCursor(last[0]["created_at"], last[0]["_id"]) if last else None


def query_of(scope: Scope, filters: Filters) -> Document:
    """Write scope and filters as a query."""
    query: Document = {"project": scope.project}
    if scope.user is not None:
        query["user"] = scope.user
    query |= {"is_public": True} if scope.public else {"erased": False}
    query |= {name: value for name, value in _equal(filters).items() if value is not None}
    if states := filters.shown_states:
        query["shown"] = {"$in": list(states)} if len(states) > 1 else states[0]
    if labels := [label_of(scope.project, key, text) for key, text in filters.metadata]:
        query["labels"] = labels[0]
        # An index of lists is searched for one value; in this form the others are no candidates for it.
        query |= {"$expr": {"$setIsSubset": [labels[1:], "$labels"]}} if labels[1:] else {}
    moments = {"$gt": filters.created_after, "$lt": filters.created_before}
    if bounds := {name: moment for name, moment in moments.items() if moment is not None}:
        query["created_at"] = bounds
    return query


def index_of(scope: Scope, filters: Filters) -> str:
    """Name the index that leaves the least to look at."""
    if filters.id is not None:
        return "_id_"
    place = "public" if scope.public else "project" if scope.user is None else "own"
    if filters.request_id is not None:
        return f"{place}_request"
    if filters.metadata:
        return f"{place}_label"
    return f"{place}_state" if filters.shown_states else f"{place}_all"


def _parted(query: Document, scope: Scope, filters: Filters) -> tuple[Document, Document]:
    """Part a query into what its index holds and what is compared with the rows that it finds."""
    if filters.id is not None:
        return query, {}  # one row at most
    _, _, kind = index_of(scope, filters).rpartition("_")
    compared = {"request": {"labels", "$expr", "shown", "status"}, "label": {"$expr", "shown", "status"}}
    names = compared.get(kind, {"status"} if filters.state is not None else set())
    rest = {name: value for name, value in query.items() if name in names}
    return {name: value for name, value in query.items() if name not in rest}, rest


def _equal(filters: Filters) -> Document:
    return {"status": filters.status, "request_id": filters.request_id, "_id": filters.id}
