import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from domain.generation.listing import TOTAL_BOUND, Filters, ListCursor, Scope
from store.generations.list_query import INDEXES, NEWEST_FIRST, RowQuery, row_query
from store.mongo.batcher import Batcher
from store.mongo.connection import Database, Document, Indexes, aggregate, raises_unavailable
from store.mongo.finding import find_few

_FIELDS: Document = {"created_at": 1}
READ_TO_COUNT: Final = 100
"""So many keys of an index are read in less time than another request takes."""
_LONG_SECONDS: Final = 10.0
_CAPACITY: Final = 10_000
_TOGETHER: Final = 16  # lists in one command


@dataclass(frozen=True, slots=True)
class Total:
    """The number of generations in a list; a lower bound when it is not exact."""

    number: int
    exact: bool


@dataclass(frozen=True, slots=True)
class CursorPage:
    """The ids behind a cursor, newest first, and the cursor of the next page: None at the end.

    A page may have fewer ids than the limit, even none, although a next page exists. total: of the list; None behind
    a cursor.
    """

    ids: Sequence[str]
    next_cursor: ListCursor | None
    total: Total | None = None


@raises_unavailable
class Lists:
    """Read lists from the rows in collection `generations`.

    Each query names its index, so that nothing is sorted and the planner has no choice; first pages of whole lists that
    are read at the same time share one, for which only the index of the first can be named. Conditions that an
    index does not hold are compared with at most `bound` rows that it finds: pages by number and totals know
    no more than these, pages by cursor continue behind them. A list that was longer than `bound` is counted again
    after ten seconds.
    """

    indexes: ClassVar[Indexes] = {"generations": INDEXES}

    def __init__(
        self, database: Database, *, bound: int = TOTAL_BOUND, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._rows = database.get_collection("generations")
        self._bound = bound
        self._monotonic = monotonic
        self._long: dict[str, float] = {}
        self._first: Batcher[tuple[RowQuery, int], Sequence[ListCursor]] = Batcher(self._read_first, largest=_TOGETHER)

    async def page(self, scope: Scope, filters: Filters, *, page: int, per_page: int) -> tuple[Sequence[str], Total]:
        """Read the ids of a page by its number, from 1, and count the list."""
        found, total = await self._counted(row_query(scope, filters), (page - 1) * per_page, per_page)
        return [one.id for one in found[:per_page]], total

    async def older_than(self, cursor: ListCursor | None, scope: Scope, filters: Filters, *, limit: int) -> CursorPage:
        """Read the next older ids; for no cursor the newest, and count the list."""
        query = row_query(scope, filters, cursor)
        if cursor is None:
            found, total = await self._counted(query, 0, limit)
        else:
            found, total = await self._read(query, 0, limit + 1), None
        following = found[limit - 1] if len(found) > limit else await self._last_compared(query)
        return CursorPage([one.id for one in found[:limit]], following, total)

    async def _counted(self, query: RowQuery, skip: int, limit: int) -> tuple[Sequence[ListCursor], Total]:
        """Read a page and what follows it, and count all: a list that ends soon was counted by reading."""
        if not query.is_covered:
            return await asyncio.gather(self._read(query, skip, limit + 1), self._total(query))
        if self._was_long(query):
            return await self._read(query, skip, limit + 1), self._up_to_bound(self._bound + 1)
        enough = max(limit, READ_TO_COUNT) + 1
        found = await self._read(query, skip, enough)
        if len(found) == enough or (skip and not found):
            return found, await self._total(query)
        return found, self._up_to_bound(skip + len(found))

    async def _total(self, query: RowQuery) -> Total:
        """Count up to the bound."""
        if query.rest:
            found = await self._count(query)
            steps = [*self._compared(query), {"$count": "found"}]
            counted = await aggregate(self._rows, steps, hint=query.index)
            return Total(counted[0]["found"] if counted else 0, found <= self._bound)
        return self._up_to_bound(await self._long_or_counted(query))

    def _was_long(self, query: RowQuery) -> bool:
        """Tell whether the list was longer than the bound a moment ago: to count ten thousand keys takes a while."""
        counted_at = self._long.get(repr(query)) if self._long else None
        return counted_at is not None and self._monotonic() - counted_at < _LONG_SECONDS

    async def _long_or_counted(self, query: RowQuery) -> int:
        if self._was_long(query):
            return self._bound + 1
        key, now = repr(query), self._monotonic()
        found = await self._count(query)
        if len(self._long) >= _CAPACITY:
            self._long.clear()
        self._long.pop(key, None)
        if found > self._bound:
            self._long[key] = now
        return found

    def _up_to_bound(self, found: int) -> Total:
        return Total(min(found, self._bound), found <= self._bound)

    async def _count(self, query: RowQuery) -> int:
        """Count the rows that the index finds, up to the bound; the command counts keys, an aggregation reads them."""
        concern = self._database.read_concern.document
        command = {"count": self._rows.name, "query": query.indexed, "limit": self._bound + 1, "hint": query.index}
        return int((await self._database.command({**command, "readConcern": concern}))["n"])

    async def count(self, scope: Scope, filters: Filters, *, most: int) -> int:
        """Count all, or `most` of them."""
        query = row_query(scope, filters)
        return await self._rows.count_documents(query.conditions, hint=query.index, limit=most)

    async def _read(self, query: RowQuery, skip: int, limit: int) -> Sequence[ListCursor]:
        if query.is_whole and not skip:
            return await self._first.put((query, limit))
        return await self._read_alone(query, skip, limit)

    async def _read_first(self, asked: Sequence[tuple[RowQuery, int]]) -> Sequence[Sequence[ListCursor]]:
        """Read the first rows of several lists with one command."""
        if len(asked) == 1:
            return [await self._read_alone(query, 0, limit) for query, limit in asked]
        (first, *others) = (_numbered(query, limit, number) for number, (query, limit) in enumerate(asked))
        steps = [*first, *({"$unionWith": {"coll": self._rows.name, "pipeline": other}} for other in others)]
        most = sum(limit for _, limit in asked)
        # With room for one more, the first answer is the whole.
        found = await aggregate(self._rows, steps, hint=asked[0][0].index, batchSize=most + 1)
        lists: list[list[ListCursor]] = [[] for _ in asked]
        for document in found:
            lists[document["list"]].append(_cursor(document))
        return lists

    async def _read_alone(self, query: RowQuery, skip: int, limit: int) -> Sequence[ListCursor]:
        if query.rest:
            steps = [*self._compared(query), {"$skip": skip}, {"$limit": limit}, {"$project": _FIELDS}]
            documents = await aggregate(self._rows, steps, hint=query.index)
        else:
            order = () if query.index == "_id_" else NEWEST_FIRST
            documents = await find_few(
                self._rows, query.conditions, _FIELDS, order=order, index=query.index, skip=skip, most=limit
            )
        return [*map(_cursor, documents)]

    def _compared(self, query: RowQuery) -> list[Document]:
        """Compare the newest rows that the index finds with the other conditions."""
        newest: list[Document] = [
            {"$match": query.indexed},
            {"$sort": dict(NEWEST_FIRST)},
            {"$limit": self._bound},
        ]
        return [*newest, {"$match": query.rest}]

    async def _last_compared(self, query: RowQuery) -> ListCursor | None:
        """Find the row at which comparing stopped; None when everything was compared."""
        if not query.rest:
            return None
        found = self._rows.find(query.indexed, _FIELDS).hint(query.index).sort(NEWEST_FIRST)
        last = await found.skip(self._bound - 1).limit(1).to_list(1)
        return ListCursor(last[0]["created_at"], last[0]["_id"]) if last else None


def _numbered(query: RowQuery, limit: int, number: int) -> list[Document]:
    """Read the first rows of a list, marked with its number."""
    marked = {**_FIELDS, "list": {"$literal": number}}
    return [{"$match": query.indexed}, {"$sort": dict(NEWEST_FIRST)}, {"$limit": limit}, {"$project": marked}]


def _cursor(document: Document) -> ListCursor:
    return ListCursor(document["created_at"], document["_id"])
