from collections.abc import Sequence

from pymongo import ASCENDING, DESCENDING

from domain.listing import TOTAL_BOUND, Filters, Place, Scope, label_of
from store.generations.lists import Total
from store.generations.projection import Row
from store.mongo.connection import Database, Document, reachable
from store.mongo.projection import row_from

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
    planner cannot take one that a common value of yesterday made look good.
    """

    def __init__(self, database: Database, *, collection: str = "generations") -> None:
        self._rows = database.get_collection(collection)

    async def ensure_indexes(self) -> None:
        """Create an index for each scope and each kind of filter; repeatable."""
        for scope, (owner, kept) in _SCOPES.items():
            for name, (fields, some) in _FIELDS.items():
                keys = [*((field, ASCENDING) for field in (*owner, *fields)), *_NEWEST]
                await self._rows.create_index(
                    keys, name=f"{scope}_{name}", partialFilterExpression={**kept, **some}
                )

    async def page(self, scope: Scope, filters: Filters, *, page: int, per_page: int) -> Sequence[Row]:
        return await self._read(query_of(scope, filters), scope, filters, (page - 1) * per_page, per_page)

    async def behind(
        self, place: Place | None, scope: Scope, filters: Filters, *, limit: int
    ) -> Sequence[Row]:
        query = query_of(scope, filters)
        if place is not None:
            # The first bounds the index; the second, in a form that no other plan can be made of, takes out
            # those of the same moment that were read.
            query["$and"] = [{"created_at": {"$lte": place.created_at}}]
            query["$nor"] = [{"created_at": place.created_at, "_id": {"$gte": place.id}}]
        return await self._read(query, scope, filters, 0, limit)

    async def total(self, scope: Scope, filters: Filters) -> Total:
        with reachable():
            found = await self._rows.count_documents(
                query_of(scope, filters), limit=TOTAL_BOUND + 1, hint=index_of(scope, filters)
            )
        return Total(min(found, TOTAL_BOUND), found <= TOTAL_BOUND)

    async def _read(
        self, query: Document, scope: Scope, filters: Filters, skip: int, limit: int
    ) -> Sequence[Row]:
        found = self._rows.find(query).hint(index_of(scope, filters)).skip(skip).limit(limit)
        if filters.id is None:
            found = found.sort(_NEWEST)
        with reachable():
            return [row_from(document) for document in await found.to_list(limit)]


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


def _equal(filters: Filters) -> Document:
    return {"status": filters.status, "request_id": filters.request_id, "_id": filters.id}
