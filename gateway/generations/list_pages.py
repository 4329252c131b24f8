"""Answer one page of a list of generations, by page number or by cursor."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from aiohttp import web

from domain.errors import invalid_field
from domain.generation.list_query import CursorPage, ListQuery, NumberedPage, parse_list_query
from domain.generation.listing import Filters, ListCursor, ListCursors, Scope
from gateway.generations.ids import GenerationIds
from gateway.generations.resources import GenerationResources, View, json_body
from gateway.generations.write_through import ROW_SECONDS
from store.generations.generations import Generations
from store.generations.lists import Lists, Total
from store.generations.missing_rows import CaughtUp, MissingRows

_refusal = partial(invalid_field, "query")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPages:
    """Read ids from the projection and write the generations that they name."""

    generations: Generations
    resources: GenerationResources
    lists: Lists
    missing_rows: MissingRows
    list_cursors: ListCursors
    generation_ids: GenerationIds

    async def answer(self, request: web.Request, scope: Scope, *, user: str | None, view: View) -> web.Response:
        """Answer the page that the query asks for, each generation as its `view` shows it.

        `user` owns the Idempotency-Keys that the query may name; without a user it may name none.
        """
        query = parse_list_query(request.query.items())
        filters = await self._filters(query, scope, user)
        caught_up, (ids, members) = await asyncio.gather(
            self._catch_up(query.page, scope, filters), self._read(query.page, scope, filters)
        )
        if caught_up.may_lack:
            ids, members = await self._read(query.page, scope, filters)
        if not caught_up.complete and "total_is_exact" in members:
            members = {**members, "total_is_exact": False}
        found = await self.generations.load_all(ids)
        # What is listed may be older than the log.
        shown = [one for one in found if not one.gone and (one.is_public or not scope.public)]
        listed = b", ".join(await self.resources.encoded(request, shown, view))
        return json_body(b'{"generations": [%b], %b' % (listed, json.dumps(members).encode()[1:]))

    async def _read(
        self, page: NumberedPage | CursorPage, scope: Scope, filters: Filters
    ) -> tuple[Sequence[str], Mapping[str, Any]]:
        match page:
            case NumberedPage():
                return await self._by_number(page, scope, filters)
            case CursorPage():
                return await self._by_cursor(page, scope, filters)

    async def _catch_up(self, page: NumberedPage | CursorPage, scope: Scope, filters: Filters) -> CaughtUp:
        """Write rows of new generations; none is public, and none that is newer than a cursor belongs after it."""
        if scope.public:
            return CaughtUp(may_lack=False, complete=True)
        cursor = page.cursor if isinstance(page, CursorPage) else None
        older_than = None if cursor is None else self._cursor(cursor, scope, filters).created_at
        return await self.missing_rows.write(scope, seconds=ROW_SECONDS, older_than=older_than)

    async def _filters(self, query: ListQuery, scope: Scope, user: str | None) -> Filters:
        if scope.public:
            _refuse_private(query.filters)
        if query.idempotency_key is None:
            return query.filters
        if user is None:
            raise _refusal("idempotency_key", "belongs to one user: name them with user_id")
        generation_id = await self.generation_ids.of_key(scope.project, user, query.idempotency_key)
        return replace(query.filters, id=generation_id)

    async def _by_number(
        self, page: NumberedPage, scope: Scope, filters: Filters
    ) -> tuple[Sequence[str], Mapping[str, Any]]:
        ids, total = await self.lists.page(scope, filters, page=page.number, per_page=page.per_page)
        return ids, {**_counted(total), "page": page.number, "per_page": page.per_page}

    async def _by_cursor(
        self, page: CursorPage, scope: Scope, filters: Filters
    ) -> tuple[Sequence[str], Mapping[str, Any]]:
        """Read the ids after the cursor; the total is counted on the first page alone."""
        after = None if page.cursor is None else self._cursor(page.cursor, scope, filters)
        found = await self.lists.older_than(after, scope, filters, limit=page.limit)
        cursor = None if found.next_cursor is None else self.list_cursors.write(found.next_cursor, scope, filters)
        counted = {} if found.total is None else _counted(found.total)
        return found.ids, {**counted, "limit": page.limit, "next_cursor": cursor}

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
