"""The events of many generations, in sealed order: all of a user, or all of a project."""

from dataclasses import dataclass
from functools import partial
from typing import Any

from aiohttp import web

from domain.accounts.access_keys import Scope
from domain.errors import invalid_field
from domain.generation.feed_cursor import BEGINNING, FeedCursor, FeedCursors
from domain.generation.generation import Generation, id_of, state_of
from domain.paths import GENERATIONS, PROJECT_EVENTS
from events.envelope import format_time
from gateway.auth.account_status import AccessGrant
from gateway.auth.authentication import Authenticator
from gateway.events import event_requests as options
from gateway.events.answers import FeedEvents, Ticket
from gateway.events.connection import Connection
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.events.feed_broadcaster import FeedBroadcaster
from gateway.events.feed_reader import Feed, FeedReader, frames_of
from gateway.events.sse import RESET, frame
from gateway.generations.request_metadata import RequestMetadata
from gateway.http.parsing import path_id
from gateway.openapi.operation import post
from store.generations.generations import Generations

_SNAPSHOT = 20  # generations
_BATCH = 100  # commits read and written at once
_LARGEST_PAGE = 500  # commits
_OWN_EVENTS = f"{GENERATIONS}/events"
_QUERY = ("after", "wait", "limit", "ticket")
_get_events = partial(options.get_events, query=_QUERY, answer=options.by_accept(FeedEvents))


@dataclass(frozen=True, slots=True)
class FeedStart:
    """A feed, the grant to read it and the cursor to start at; `reset`: the requested one is unknown."""

    feed: Feed
    grant: AccessGrant
    head: FeedCursor
    after: FeedCursor | None
    reset: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRoutes:
    """Read the events of all generations of a user or a project."""

    authenticator: Authenticator
    generations: Generations
    feed_reader: FeedReader
    feed_broadcaster: FeedBroadcaster
    feed_cursors: FeedCursors
    connections: Connections
    event_access: EventAccess
    request_metadata: RequestMetadata

    @_get_events(_OWN_EVENTS)
    async def read_own(self, request: web.Request) -> web.StreamResponse:
        """Watch all your generations."""
        grant = await self.event_access.ticket_grant(request, _OWN_EVENTS)
        if grant is None:
            identity = await self.authenticator.authenticate_end_user(request)
            grant = self.event_access.grant(request, identity.developer_id)
        return await self._read(request, Feed(grant.claims.project_id or "", grant.claims.subject), grant)

    @_get_events(PROJECT_EVENTS, query=(*_QUERY, "include"))
    async def read_project(self, request: web.Request) -> web.StreamResponse:
        """Watch a project; `include=webhooks` adds attempts of webhooks, and endpoints disabled and enabled."""
        project = path_id(request, "project_id")
        grant = await self.event_access.ticket_grant(request, _project_events(project), project)
        if grant is None:
            developer, _ = await self.authenticator.authenticate_project_owner(request)
            grant = self.event_access.grant(request, developer.developer_id, project)
        return await self._read(request, Feed(project, webhooks=_includes_webhooks(request)), grant)

    @post(f"{_OWN_EVENTS}/ticket", "end_user", 201, answer=Ticket)
    async def issue_own_ticket(self, request: web.Request) -> web.Response:
        """Issue a ticket for a browser."""
        identity = await self.authenticator.authenticate_end_user(request, Scope.READ)
        return self.event_access.issue_ticket(request, identity.developer_id, _OWN_EVENTS)

    @post(f"{PROJECT_EVENTS}/ticket", "developer", 201, answer=Ticket)
    async def issue_project_ticket(self, request: web.Request) -> web.Response:
        """Issue a ticket for a browser."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        return self.event_access.issue_ticket(request, developer.developer_id, _project_events(project.id))

    async def _read(self, request: web.Request, feed: Feed, grant: AccessGrant) -> web.StreamResponse:
        event_format, position = options.requested_format(request), options.requested_position(request)
        head = await self.feed_reader.head()
        after = self._known_cursor(feed, position, head)
        start = FeedStart(feed, grant, head, after, reset=position is not None and after is None)
        if event_format != "sse":
            return await self._page(request, start, event_format)
        with self.connections.slot(grant.claims.subject, grant.developer, request):
            return await self._stream(request, start)

    def _known_cursor(self, feed: Feed, position: str | None, head: FeedCursor) -> FeedCursor | None:
        """Read a cursor; None without one, or for one that is not of this feed and this log."""
        if position == "0":
            return BEGINNING
        cursor = None if position is None else self.feed_cursors.read(position, feed.name)
        return cursor if cursor is not None and cursor.position <= head.position else None

    async def _page(self, request: web.Request, start: FeedStart, event_format: options.Format) -> web.Response:
        feed, seconds = start.feed, options.requested_wait(request)
        limit = options.integer_parameter(request, "limit", default=100, most=_LARGEST_PAGE)
        page = await self.feed_reader.page(feed, start.after or BEGINNING, limit=limit)
        if seconds and not page.events and not page.more:
            with self.connections.slot(start.grant.claims.subject, start.grant.developer, request, stream=True):
                await self.feed_broadcaster.wait(feed, after=page.next, seconds=seconds)
            await self.event_access.recheck(start.grant)
            page = await self.feed_reader.page(feed, page.next, limit=limit)
        events = [{**envelope, "cursor": cursor} for cursor, envelope in page.events]
        members = {"cursor": self._text(feed, page.next), "more": page.more}
        return options.page_response(event_format, events, members, reset=start.reset)

    async def _stream(self, request: web.Request, start: FeedStart) -> web.StreamResponse:
        """Send a snapshot or the events after the cursor, then live events."""
        feed, after = start.feed, start.after
        frames = b"" if after is not None else await self._snapshot(start)
        connection = await self.connections.open(request, start.grant)
        try:
            if frames:
                await connection.write(frames)
            del frames  # kilobytes, which thousands of open streams would keep
            after = await self._catch_up(connection, feed, after or start.head)
            await connection.write(frame("caught_up", {}, identifier=self._text(feed, after)))
            self.feed_broadcaster.add(feed, connection, after=after)
            return await connection.ended()
        finally:
            self.feed_broadcaster.remove(feed, connection)
            self.connections.remove(connection)

    async def _catch_up(self, connection: Connection, feed: Feed, after: FeedCursor) -> FeedCursor:
        """Send the events after a cursor, as fast as the client reads; return the cursor after them."""
        while not connection.closed:
            page = await self.feed_reader.page(feed, after, limit=_BATCH)
            if page.events:
                await connection.write(frames_of(page.events))
            after = page.next
            if not page.more:
                break
        return after

    async def _snapshot(self, start: FeedStart) -> bytes:
        """Write the generations that changed last, as they are now: at least as new as the head."""
        streams = await self.feed_reader.latest(start.feed, start.head, limit=_SNAPSHOT)
        found = await self.generations.load_all([id_of(stream) for stream in streams])
        metadata = await self.request_metadata.of(*found)
        shown = [_summary(one, metadata.get(one.id, {})) for one in found if not one.gone]
        snapshot = frame("snapshot", {"generations": shown}, identifier=self._text(start.feed, start.head))
        return RESET + snapshot if start.reset else snapshot

    def _text(self, feed: Feed, cursor: FeedCursor) -> str:
        return self.feed_cursors.write(cursor, feed.name)


def _project_events(project: str) -> str:
    return PROJECT_EVENTS.format(project_id=project)


def _includes_webhooks(request: web.Request) -> bool:
    """Read `include`, of which `webhooks` is the only value."""
    sent = request.query.get("include")
    if sent not in (None, "webhooks"):
        raise invalid_field("query", "include", "must be of: webhooks")
    return sent is not None


def _summary(generation: Generation, metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": generation.id,
        "status": generation.status,
        "state": state_of(generation),
        "version": generation.version,
        "request_id": generation.request_id,
        "metadata": metadata,
        "created_at": format_time(generation.created_at),
        "updated_at": format_time(generation.updated_at),
        "completed_at": format_time(generation.finished_at) if generation.finished_at else None,
    }
