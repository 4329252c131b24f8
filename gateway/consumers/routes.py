"""`/api/v1/projects/{project_id}/consumers`: named positions in a project's feed, of which programs lease events.

Events are handed out in order to one program at a time, and again until they are acknowledged: at least once.
"""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation.feed_cursor import BEGINNING, FeedCursor, FeedCursors
from domain.paths import PROJECT_CONSUMER, PROJECT_CONSUMERS
from events.envelope import format_time
from gateway.accounts.bodies import time_body
from gateway.auth.authentication import Authenticator
from gateway.consumers import answers
from gateway.consumers.leased_events import LeasedEvents, cursor_of
from gateway.consumers.requests import LeaseRequest, MoveRequest, ProgressRequest, consumer_name
from gateway.events.feed_reader import Feed
from gateway.http.parsing import read_model, read_optional_model
from gateway.openapi.operation import delete, get, post, put
from store.audit.audit_log import AuditLog
from store.consumers.consumers import Consumer
from store.consumers.project_consumers import ProjectConsumers, owner_of
from store.errors import StoreError
from store.log.feeds import Feeds

_LEASE: Final = f"{PROJECT_CONSUMER}/lease"
_ACKNOWLEDGE: Final = f"{PROJECT_CONSUMER}/acknowledge"
_MOVE: Final = (ErrorCode.CONSUMER_LIMIT, ErrorCode.UNKNOWN_POSITION)
_CLOCK_SKEW: Final = timedelta(minutes=1)
_LEASED: Final = (ErrorCode.CONSUMER_LEASED, ErrorCode.STREAM_LIMIT)
_HELD: Final = (ErrorCode.LEASE_LOST, ErrorCode.UNKNOWN_POSITION)


@dataclass(frozen=True, slots=True)
class NamedConsumer:
    """The consumer that a request names: of which developer and project, and of which feed."""

    developer: str
    feed: Feed
    owner: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectConsumerRoutes:
    """Make, move, lease, acknowledge and remove the consumers of a developer's project."""

    authenticator: Authenticator
    project_consumers: ProjectConsumers
    leased_events: LeasedEvents
    feeds: Feeds
    feed_cursors: FeedCursors
    audit_log: AuditLog
    clock: Callable[[], datetime]

    @get(PROJECT_CONSUMERS, "developer", answer=answers.ProjectConsumers)
    async def list_all(self, request: web.Request) -> web.Response:
        """List the consumers of a project."""
        developer, project = await self.authenticator.authenticate_project_owner(request)
        found = await self.project_consumers.of(owner_of(developer.developer_id, project.id))
        consumers = [await self._body(Feed(project.id), consumer) for consumer in found]
        body: answers.ProjectConsumers = {"consumers": consumers}
        return _response(body)

    @get(PROJECT_CONSUMER, "developer", answer=answers.ProjectConsumer)
    async def read(self, request: web.Request) -> web.Response:
        """Read a consumer: its cursor, and how far it is behind."""
        named = await self._named(request)
        return await self._respond(named, await self.project_consumers.find(named.owner, named.name))

    @put(PROJECT_CONSUMER, "developer", body=MoveRequest, answer=answers.ProjectConsumer, codes=_MOVE)
    async def move(self, request: web.Request) -> web.Response:
        """Make a consumer, or move it, to a cursor or a time; a lease ends."""
        named = await self._named(request)
        cursor = await self._start(named, await read_model(request, MoveRequest))
        moved = await self.project_consumers.move(
            named.owner, named.name, cursor.position, self.clock(), version=cursor.version
        )
        return await self._respond(named, moved)

    @post(_LEASE, "developer", body=LeaseRequest, optional_body=True, answer=answers.LeasedEvents, codes=_LEASED)
    async def lease(self, request: web.Request) -> web.Response:
        """Lease the next events, for this program alone; without events there is no lease."""
        named, body = await self._named(request), await read_optional_model(request, LeaseRequest)
        consumer = await self._known(named)
        after = seen = cursor_of(consumer)
        if body.wait:
            after = await self.leased_events.wait(request, named.developer, named.feed, consumer, seconds=body.wait)
        token = secrets.token_hex(16)
        leased = await self.project_consumers.lease(named.owner, named.name, token, seconds=body.seconds)
        if leased is None:
            await self._known(named)
            raise ExemplarError(ErrorCode.CONSUMER_LEASED)
        try:
            at = cursor_of(leased)  # moved meanwhile, perhaps
            page = await self.leased_events.page(named.feed, after if at == seen else at, limit=body.limit)
        except BaseException:  # nobody would know the lease
            with suppress(StoreError):
                await self.project_consumers.release(named.owner, named.name, token)
            raise
        following = page.next
        if page.events:
            to = following.position, following.version
            _require_lease(await self.project_consumers.end_at(named.owner, named.name, token, to))
        else:
            await self.project_consumers.advance(
                named.owner, named.name, token, following.position, self.clock(), version=following.version
            )
            await self.project_consumers.release(named.owner, named.name, token)
        until = format_time(leased.leased_until) if page.events and leased.leased_until else None
        leased_events: answers.LeasedEvents = {
            "lease": token if page.events else None,
            "leased_until": until,
            "events": [{**envelope, "cursor": cursor} for cursor, envelope in page.events],
            "cursor": self.feed_cursors.write(page.next, named.feed.name),
            "more": page.more,
        }
        return _response(leased_events)

    @post(_ACKNOWLEDGE, "developer", body=ProgressRequest, answer=answers.ProjectConsumer, codes=_HELD)
    async def acknowledge(self, request: web.Request) -> web.Response:
        """Move a consumer forward to what was handled, and end or extend the lease."""
        named, body = await self._named(request), await read_model(request, ProgressRequest)
        consumer = await self._known(named)
        held: Consumer | None
        if body.cursor is not None:
            cursor = await self._cursor(named, body.cursor)
            is_beyond = consumer.leased_to is not None and (cursor.position, cursor.version) > consumer.leased_to
            if is_beyond and consumer.lease == body.lease:  # the refusal of a lease that is lost is another one
                raise ExemplarError(ErrorCode.UNKNOWN_POSITION, "The cursor is behind what was leased")
            held = await self.project_consumers.advance(
                named.owner, named.name, body.lease, cursor.position, self.clock(), version=cursor.version
            )
            _require_lease(held)
        if body.extend is None:
            held = await self.project_consumers.release(named.owner, named.name, body.lease)
        else:
            held = await self.project_consumers.extend(named.owner, named.name, body.lease, seconds=body.extend)
        _require_lease(held)
        return await self._respond(named, held)

    @delete(PROJECT_CONSUMER, "developer", 204)
    async def remove(self, request: web.Request) -> web.Response:
        """Remove a consumer."""
        named = await self._named(request)
        if not await self.project_consumers.delete(named.owner, named.name):
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return web.Response(status=204)

    async def _named(self, request: web.Request) -> NamedConsumer:
        developer, project = await self.authenticator.authenticate_project_owner(request)
        owner = owner_of(developer.developer_id, project.id)
        return NamedConsumer(developer.developer_id, Feed(project.id), owner, consumer_name(request))

    async def _known(self, named: NamedConsumer) -> Consumer:
        found = await self.project_consumers.find(named.owner, named.name)
        if found is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return found

    async def _start(self, named: NamedConsumer, body: MoveRequest) -> FeedCursor:
        """Return the cursor that is sent, or the one before what was recorded then or later."""
        if (body.cursor is None) == (body.recorded_from is None):
            raise invalid_field("body", "cursor", "either this or recorded_from must be sent")
        if body.recorded_from is not None:
            if body.recorded_from > self.clock() + _CLOCK_SKEW:
                raise invalid_field("body", "recorded_from", "must not be in the future")
            return FeedCursor(await self.audit_log.position_at(body.recorded_from, await self.audit_log.head()))
        return await self._cursor(named, body.cursor or "")

    async def _cursor(self, named: NamedConsumer, text: str) -> FeedCursor:
        if text == "0":
            return BEGINNING
        cursor = self.feed_cursors.read(text, named.feed.name)
        if cursor is None or cursor.position > await self.feeds.head() + 1:
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION)
        return cursor

    async def _respond(self, named: NamedConsumer, consumer: Consumer | None) -> web.Response:
        if consumer is None:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        return _response(await self._body(named.feed, consumer))

    async def _body(self, feed: Feed, consumer: Consumer) -> answers.ProjectConsumer:
        return {
            "name": consumer.name,
            "cursor": self.feed_cursors.write(FeedCursor(consumer.position, consumer.version), feed.name),
            "behind": await self.feeds.behind(feed.project, consumer.position),
            "leased_until": time_body(consumer.leased_until),
            "created_at": format_time(consumer.created_at),
            "updated_at": format_time(consumer.updated_at),
        }


def _require_lease(held: Consumer | None) -> None:
    if held is None:
        raise ExemplarError(ErrorCode.LEASE_LOST)


def _response(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, headers={"Cache-Control": "no-store"})
