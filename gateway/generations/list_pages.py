"""Answer one page of a list of generations, by page number or by cursor."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiohttp import web

from domain.errors import invalid_field
from domain.generation.generation import Generation
from domain.generation.list_query import CursorWindow, ListQuery, PageWindow, parse_list_query
from domain.generation.listing import Filters, ListCursor, ListCursors, Scope
from gateway.generations.ids import GenerationIds
from store.generations.generations import Generations
from store.generations.lists import Lists, Total
from store.generations.projection import Row

_refusal = partial(invalid_field, "query")
Write = Callable[[web.Request, Generation], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPages:
    """Read rows of the projection and write the generations that they name."""

    generations: Generations
    lists: Lists
    list_cursors: ListCursors
    generation_ids: GenerationIds

    async def answer(self, request: web.Request, scope: Scope, *, user: str | None, write: Write) -> web.Response:
        """Answer the page that the query asks for, each generation written by `write`.

        `user` owns the Idempotency-Keys that the query may name; without a user it may name none.
        """
        query = parse_list_query(request.query.items())
        filters = self._filters(query, scope, user)
        match query.window:
            case PageWindow() as window:
                rows, members = await self._by_number(window, scope, filters)
            case CursorWindow() as window:
                rows, members = await self._by_cursor(window, scope, filters)
        found = await asyncio.gather(*(self.generations.load(row.id) for row in rows))
        listed = [
            await write(request, generation)
            for generation in found
            if generation is not None
            and not generation.gone
            and (generation.is_public or not scope.public)  # a row may be older than the log
        ]
        return web.json_response({"generations": listed, **members})

    def _filters(self, query: ListQuery, scope: Scope, user: str | None) -> Filters:
        if scope.public:
            _refuse_private(query.filters)
        if query.idempotency_key is None:
            return query.filters
        if user is None:
            raise _refusal("idempotency_key", "belongs to one user: name them with user_id")
        generation_id = self.generation_ids.of_key(scope.project, user, query.idempotency_key)
        return replace(query.filters, id=generation_id)

    async def _by_number(
        self, window: PageWindow, scope: Scope, filters: Filters
    ) -> tuple[list[Row], Mapping[str, Any]]:
        rows = await self.lists.page(scope, filters, page=window.page, per_page=window.per_page)
        counted = _counted(await self.lists.total(scope, filters))
        return list(rows), {**counted, "page": window.page, "per_page": window.per_page}

    async def _by_cursor(
        self, window: CursorWindow, scope: Scope, filters: Filters
    ) -> tuple[list[Row], Mapping[str, Any]]:
        """Read the rows after the cursor; the total is counted on the first page alone."""
        after = None if window.cursor is None else self._cursor(window.cursor, scope, filters)
        found = await self.lists.older_than(after, scope, filters, limit=window.limit)
        cursor = None if found.next_cursor is None else self.list_cursors.write(found.next_cursor, scope, filters)
        counted = _counted(await self.lists.total(scope, filters)) if after is None else {}
        return list(found.rows), {**counted, "limit": window.limit, "next_cursor": cursor}

    def _cursor(self, text: str, scope: Scope, filters: Filters) -> ListCursor:
        cursor = self.list_cursors.read(text, scope, filters)
        if cursor is None:
            raise _refusal("cursor", "is no cursor of this list with these filters")
        return cursor


def _refuse_private(filters: Filters) -> None:
    """Refuse filters by fields that the public view hides, because results would reveal their values."""
    private = [f"metadata.{key}" for key, _ in filters.metadata]
    private += ["request_id"] if filters.request_id is not None else []
    if private:
        raise _refusal(private[0], "is no filter of public generations")


def _counted(total: Total) -> dict[str, Any]:
    return {"total": total.number, "total_is_exact": total.exact}
