"""`/api/v1/projects/{project_id}/webhooks/{endpoint_id}/*`: webhook deliveries are sent again, many at once.

With `dry_run` nothing is sent or recorded: the answer counts what the same request would send now.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from domain.errors import ErrorCode, invalid_field
from domain.generation.feed_cursor import FeedCursor, FeedCursors
from domain.paths import WEBHOOK_ENDPOINT
from domain.webhooks.delivery_filter import NOT_DELIVERED, DeliveryFilter
from events.developer import DeliveriesRestarted
from gateway.http.parsing import Body, read_model, read_query
from gateway.http.request_ids import cause_of
from gateway.http.values import EventTypeName, Id, Moment, Text
from gateway.openapi.operation import Operation, post
from gateway.webhooks import answers
from gateway.webhooks.chosen import chosen_generations
from gateway.webhooks.endpoint_access import EndpointAccess, OwnedEndpoint
from store.accounts.changes import AccountChanges
from store.audit.audit_log import AuditLog
from store.log.feeds import Feeds
from store.webhooks.deliveries import DeliveryStore
from store.webhooks.missing_deliveries import MissingDeliveries, MissingPage

Ended = Literal["delivered", "failed", "skipped"]
Action = Literal["recover", "resend", "replay"]
_ALSO = {200: "What would be sent, with `dry_run`"}


class DryRunRequest(BaseModel):
    dry_run: bool = False


class RecoverRequest(Body):
    since: Moment


class ResendRequest(Body):
    """Conditions that the deliveries meet all of; times are those of their events."""

    states: Annotated[list[Ended], Field(min_length=1, max_length=3)] = Field(default=["failed", "skipped"])
    types: Annotated[list[EventTypeName], Field(min_length=1, max_length=32)] | None = None
    generation_id: Id | None = None
    request_id: Text | None = None
    since: Moment | None = None
    before: Moment | None = None


class ReplayRequest(Body):
    """The time from which on events are compared; `cursor` continues after an answer with `more`."""

    since: Moment
    cursor: Annotated[str, Field(max_length=64)] | None = None


def _restart(path: str, *, answer: type, **described: Any) -> Operation:
    """Describe a restart; a dry run is answered in the same form."""
    described |= {"also": _ALSO, "also_answers": {200: answer}, "codes": (ErrorCode.CONFLICT,)}
    return post(path, "developer", 202, query=DryRunRequest, answer=answer, **described)


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartRoutes:
    """Restart deliveries; each restart is an event of the developer."""

    endpoint_access: EndpointAccess
    deliveries: DeliveryStore
    missing_deliveries: MissingDeliveries
    account_changes: AccountChanges
    audit_log: AuditLog
    feeds: Feeds
    feed_cursors: FeedCursors
    clock: Callable[[], datetime]

    @_restart(f"{WEBHOOK_ENDPOINT}/recover", body=RecoverRequest, answer=answers.RecoveredDeliveries)
    async def recover(self, request: web.Request) -> web.Response:
        """Resend what failed or was skipped since a time."""
        owned = await self.endpoint_access.sending(request)
        body = await read_model(request, RecoverRequest)
        chosen = DeliveryFilter(states=NOT_DELIVERED, since=body.since)
        return await self._restart(request, owned, chosen, "recover", "recovered")

    @_restart(f"{WEBHOOK_ENDPOINT}/resend", body=ResendRequest, answer=answers.ResentDeliveries)
    async def resend(self, request: web.Request) -> web.Response:
        """Resend the deliveries that a filter chooses; their messages keep their ids."""
        owned = await self.endpoint_access.sending(request)
        body = await read_model(request, ResendRequest)
        generations = await chosen_generations(
            self.feeds, owned.project, generation_id=body.generation_id, request_id=body.request_id
        )
        chosen = DeliveryFilter(
            states=body.states, types=body.types, generations=generations, since=body.since, before=body.before
        )
        return await self._restart(request, owned, chosen, "resend", "resent")

    @_restart(f"{WEBHOOK_ENDPOINT}/replay-missing", body=ReplayRequest, answer=answers.ReplayedDeliveries)
    async def replay_missing(self, request: web.Request) -> web.Response:
        """Send every event since a time that the endpoint wants and has not accepted, page by page."""
        owned, registered = await self.endpoint_access.enabled(request)
        dry_run, body = read_query(request, DryRunRequest).dry_run, await read_model(request, ReplayRequest)
        first = await self._first(owned, body)
        page = await self.missing_deliveries.page(registered, first=first, since=body.since)
        if page.count and not dry_run:
            await self._record(request, owned, "replay", page.count)
            await self.deliveries.add(page.new)
            await self.deliveries.restart(owned.project, owned.id, page.ended, self.clock())
        return _response(dry_run, {"replayed": page.count, **self._continued(owned, page)})

    async def _restart(
        self, request: web.Request, owned: OwnedEndpoint, chosen: DeliveryFilter, action: Action, counted: str
    ) -> web.Response:
        dry_run = read_query(request, DryRunRequest).dry_run
        count = await self.deliveries.count(owned.project, owned.id, chosen)
        if count and not dry_run:
            await self._record(request, owned, action, count)
            count = await self.deliveries.restart(owned.project, owned.id, chosen, self.clock())
        return _response(dry_run, {counted: count})

    async def _record(self, request: web.Request, owned: OwnedEndpoint, action: Action, count: int) -> None:
        restarted = DeliveriesRestarted(project=owned.project, endpoint=owned.id, action=action, deliveries=count)
        cause = cause_of(request, owned.developer.actor)
        await self.account_changes.record_restart(owned.developer.developer_id, restarted, cause=cause)

    async def _first(self, owned: OwnedEndpoint, body: ReplayRequest) -> int:
        """Return the sealed position to begin at: that of a cursor, or the first since the time."""
        if body.cursor is None:
            return await self.audit_log.position_at(body.since, await self.audit_log.head())
        cursor = self.feed_cursors.read(body.cursor, _feed(owned))
        if cursor is None:
            raise invalid_field("body", "cursor", "is no cursor of this endpoint")
        return cursor.position

    def _continued(self, owned: OwnedEndpoint, page: MissingPage) -> dict[str, object]:
        if page.following is None:
            return {"more": False, "cursor": None}
        return {"more": True, "cursor": self.feed_cursors.write(FeedCursor(page.following), _feed(owned))}


def _feed(owned: OwnedEndpoint) -> str:
    return f"replay/{owned.id}"


def _response(dry_run: bool, body: dict[str, object]) -> web.Response:
    return web.json_response({"dry_run": dry_run, **body}, status=200 if dry_run else 202)
