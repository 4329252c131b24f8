"""The events of many generations, in sealed order: all of a user's own, or all of a developer's project."""

import asyncio
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.generation.feed_cursor import BEGINNING, FeedCursor, FeedCursors
from domain.generation.generation import Generation, id_of, state_of
from events.envelope import format_time
from gateway.accounts.identity import IdentityRoutes, path_id
from gateway.accounts.projects import own_project
from gateway.auth.account_status import AccessGrant
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.feeds import Feed, FeedPage, Feeds
from gateway.events.positions import asked_form, asked_number, asked_position, asked_wait, lines_of, page_of
from gateway.events.readers import Readers
from gateway.events.sse import frame
from gateway.generations.links import PREFIX
from store.generations.generations import Generations

_SNAPSHOT = 20  # generations
_PASSAGE = 100  # commits read and written at once
_LARGEST_PAGE = 500  # commits
_OWN = PREFIX + "/events"
_RESET = frame("reset", {"reason": "unknown_position"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRoutes:
    """What the routes need; `table` lists them."""

    door: IdentityRoutes
    generations: Generations
    feeds: Feeds
    cursors: FeedCursors
    connections: Connections
    readers: Readers

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        project = "/api/v1/projects/{project_id}/events"
        return [
            web.get(_OWN, self.read_own),
            web.post(_OWN + "/ticket", self.ticket_for_own),
            web.get(project, self.read_project),
            web.post(project + "/ticket", self.ticket_for_project),
        ]

    async def read_own(self, request: web.Request) -> web.StreamResponse:
        """Answer the events of all the caller's generations."""
        admitted = await self.readers.by_ticket(request, _OWN)
        if admitted is None:
            await self.door.authenticator.reader(request)
            admitted = self.readers.admitted(request)
        claims = admitted.claims
        return await self._read(request, Feed(claims.project_id or "", claims.subject), admitted)

    async def read_project(self, request: web.Request) -> web.StreamResponse:
        """Answer the events of all generations in a project of the developer who asks."""
        project = path_id(request, "project_id")
        admitted = await self.readers.by_ticket(request, _project(project), project)
        if admitted is None:
            await own_project(self.door, request)
            admitted = self.readers.admitted(request, project)
        return await self._read(request, Feed(project), admitted)

    async def ticket_for_own(self, request: web.Request) -> web.Response:
        """Answer a ticket that opens the events of all the caller's generations for a minute."""
        await self.door.authenticator.reader(request)
        return self.readers.ticket(request, _OWN, _OWN)

    async def ticket_for_project(self, request: web.Request) -> web.Response:
        """Answer a ticket that opens the events of a project of the developer who asks for a minute."""
        _, project = await own_project(self.door, request)
        return self.readers.ticket(request, _project(project.id), _project(project.id))

    async def _read(self, request: web.Request, feed: Feed, admitted: AccessGrant) -> web.StreamResponse:
        asked, form = asked_position(request), asked_form(request)
        head = await self.feeds.head()
        after = self._cursor(feed, asked, head)
        reset = asked is not None and after is None
        if form != "sse":
            start = after or BEGINNING
            return await self._page(request, feed, admitted, start, reset=reset, lines=form == "ndjson")
        with self.connections.slot(admitted.claims.subject, request):
            if after is not None:
                return await self._stream(request, feed, admitted, b"", after)
            past = _RESET if reset else b""
            return await self._stream(request, feed, admitted, past + await self._snapshot(feed, head), head)

    def _cursor(self, feed: Feed, asked: str | None, head: FeedCursor) -> FeedCursor | None:
        """Read where to begin; None for nowhere asked, or for what is no cursor of this feed and this log."""
        if asked == "0":
            return BEGINNING
        cursor = None if asked is None else self.cursors.read(asked, feed.name)
        return cursor if cursor is not None and cursor.position <= head.position else None

    async def _page(
        self,
        request: web.Request,
        feed: Feed,
        admitted: AccessGrant,
        after: FeedCursor,
        *,
        reset: bool,
        lines: bool,
    ) -> web.Response:
        seconds, limit = asked_wait(request), asked_number(request, "limit", default=100, most=_LARGEST_PAGE)
        page = await self.feeds.page(feed, after, limit=limit)
        if seconds and not page.passage.events and not page.more:
            with self.connections.slot(admitted.claims.subject, request):
                await self.feeds.wait(feed, after=page.next, seconds=seconds)
            await self.readers.confirm(admitted)
            page = await self.feeds.page(feed, page.next, limit=limit)
        events = [{**envelope, "cursor": cursor} for cursor, envelope in page.passage.events]
        if lines:
            return lines_of(events, reset=reset)
        body = {"cursor": self._write(feed, page.next), "more": page.more}
        return page_of(body, events, reset=reset)

    async def _stream(
        self, request: web.Request, feed: Feed, admitted: AccessGrant, past: bytes, after: FeedCursor
    ) -> web.StreamResponse:
        connection = await self.connections.open(request, admitted)
        try:
            if past:
                await connection.write(past)
            del past  # kilobytes, which nobody needs while the stream lasts
            after = await self._catch_up(connection, feed, after)
            await connection.write(frame("caught_up", {}, identifier=self._write(feed, after)))
            self.feeds.add(feed, connection, after=after)
            return await connection.ended()
        finally:
            self.feeds.remove(feed, connection)
            self.connections.leave(connection)

    async def _catch_up(self, connection: Connection, feed: Feed, after: FeedCursor) -> FeedCursor:
        """Send what lies behind a cursor, as fast as the reader takes it."""
        while not connection.over:
            page: FeedPage = await self.feeds.page(feed, after, limit=_PASSAGE)
            if page.passage.events:
                await connection.write(page.passage.frames)
            after = page.next
            if not page.more:
                break
        return after

    async def _snapshot(self, feed: Feed, head: FeedCursor) -> bytes:
        """Write the generations that moved last, as their streams are now: at least as new as the cursor."""
        streams = await self.feeds.latest(feed, head, limit=_SNAPSHOT)
        found = await asyncio.gather(*(self.generations.load(id_of(stream)) for stream in streams))
        shown = [_shown(generation) for generation in found if generation and not generation.gone]
        return frame("snapshot", {"generations": shown}, identifier=self._write(feed, head))

    def _write(self, feed: Feed, cursor: FeedCursor) -> str:
        return self.cursors.write(cursor, feed.name)


def _project(project: str) -> str:
    return f"/api/v1/projects/{project}/events"


def _shown(generation: Generation) -> dict[str, Any]:
    return {
        "id": generation.id,
        "status": generation.status,
        "state": state_of(generation),
        "version": generation.version,
        "created_at": format_time(generation.created_at),
        "updated_at": format_time(generation.updated_at),
        "completed_at": format_time(generation.finished_at) if generation.finished_at else None,
    }
