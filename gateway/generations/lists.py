"""Lists of generations: one's own, and those that are public in the project."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from domain.errors import ErrorCode, FieldError
from domain.generation.generation import Generation
from domain.generation.list_query import CursorWindow, ListQuery, PageWindow, parse_list_query
from domain.generation.listing import Filters, ListCursor, ListCursors, Scope
from gateway.generations.links import PREFIX
from gateway.generations.public_view import public_of
from gateway.generations.routes import GenerationRoutes
from store.generations.lists import Lists, Total
from store.generations.projection import Row

Write = Callable[[web.Request, Generation], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRoutes:
    """What the routes need; `table` lists them."""

    owned: GenerationRoutes
    lists: Lists
    places: ListCursors

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        return [
            web.get(PREFIX, self.list_own),
            web.get("/api/v1/generation/public-generations-v2", self.list_public),
        ]

    async def list_own(self, request: web.Request) -> web.Response:
        """Answer the caller's generations, newest first."""
        identity = await self.owned.authenticator.reader(request)
        scope = Scope(identity.project_id, identity.user_id)
        return await self.answer(request, scope, user=identity.user_id, write=self.owned.resource)

    async def list_public(self, request: web.Request) -> web.Response:
        """Answer the project's public generations, newest first, as anybody in it may see them."""
        identity = await self.owned.authenticator.reader(request)
        scope = Scope(identity.project_id, public=True)
        return await self.answer(request, scope, user=identity.user_id, write=self._public)

    async def answer(
        self, request: web.Request, scope: Scope, *, user: str | None, write: Write
    ) -> web.Response:
        """Answer what the query asks for, each written by `write`; `user` is whose keys it may name."""
        asked = parse_list_query(request.query.items())
        filters = self._filters(asked, scope, user)
        match asked.window:
            case PageWindow() as window:
                rows, members = await self._page(window, scope, filters)
            case CursorWindow() as window:
                rows, members = await self._behind(window, scope, filters)
        found = await asyncio.gather(*(self.owned.generations.load(row.id) for row in rows))
        living = [one for one in found if one is not None and not one.gone and _is_in(one, scope)]
        listed = [await write(request, one) for one in living]
        return web.json_response({"generations": listed, **members})

    async def _public(self, request: web.Request, generation: Generation) -> dict[str, Any]:
        personal_data = await self.owned.personal_data.get(generation.id, generation.request.personal_data)
        links = self.owned.links
        return public_of(generation, personal_data, links=links, base=links.base(request))

    def _filters(self, asked: ListQuery, scope: Scope, user: str | None) -> Filters:
        if scope.public:
            _refuse_private(asked.filters)
        if asked.idempotency_key is None:
            return asked.filters
        if user is None:
            raise FieldError(
                ErrorCode.INVALID_REQUEST,
                ("query", "idempotency_key"),
                "belongs to one user: name him with user_id",
                "value_error",
            )
        key = self.owned.submitting.id_of_key(scope.project, user, asked.idempotency_key)
        return replace(asked.filters, id=key)

    async def _page(
        self, window: PageWindow, scope: Scope, filters: Filters
    ) -> tuple[list[Row], Mapping[str, Any]]:
        rows = await self.lists.page(scope, filters, page=window.page, per_page=window.per_page)
        counted = _counted(await self.lists.total(scope, filters))
        return list(rows), {**counted, "page": window.page, "per_page": window.per_page}

    async def _behind(
        self, window: CursorWindow, scope: Scope, filters: Filters
    ) -> tuple[list[Row], Mapping[str, Any]]:
        """Read on behind the cursor; count once, at the start."""
        place = None if window.cursor is None else self._place(window.cursor, scope, filters)
        found = await self.lists.older_than(place, scope, filters, limit=window.limit)
        cursor = None if found.next_cursor is None else self.places.write(found.next_cursor, scope, filters)
        counted = _counted(await self.lists.total(scope, filters)) if place is None else {}
        return list(found.rows), {**counted, "limit": window.limit, "next_cursor": cursor}

    def _place(self, cursor: str, scope: Scope, filters: Filters) -> ListCursor:
        place = self.places.read(cursor, scope, filters)
        if place is None:
            raise FieldError(
                ErrorCode.INVALID_REQUEST,
                ("query", "cursor"),
                "is no cursor of this list with these filters",
                "value_error",
            )
        return place


def _is_in(generation: Generation, scope: Scope) -> bool:
    """Tell whether it is still public where that is asked for: its row may be some moments behind."""
    return generation.is_public or not scope.public


def _refuse_private(filters: Filters) -> None:
    """Let nobody find out by asking what a public generation does not show."""
    private = [f"metadata.{key}" for key, _ in filters.metadata]
    private += ["request_id"] if filters.request_id is not None else []
    if private:
        loc = ("query", private[0])
        raise FieldError(ErrorCode.INVALID_REQUEST, loc, "is no filter of public generations", "value_error")


def _counted(total: Total) -> dict[str, Any]:
    return {"total": total.number, "total_is_exact": total.exact}
