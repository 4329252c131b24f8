"""`/api/v1/audit/events`: the log for auditors and operators, and for developers what is theirs."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.paths import AUDIT_EVENTS
from events.access import AccessForm
from gateway.audit.access_records import AccessRecords
from gateway.audit.answers import AuditEvents
from gateway.audit.event_pages import AuditPage, AuditPages, ReadPlan
from gateway.audit.event_streams import AuditStreams
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.audit.requests import EventsRequest, Position
from gateway.events.event_requests import Format, by_accept, requested_format
from gateway.http.conditional import UNCHANGED, unchanged
from gateway.http.parsing import parse_one, read_query
from gateway.openapi.operation import get
from store.consumers.consumers import Consumers

_ANSWERS: Final = by_accept(AuditEvents)
_VARY: Final = {"Vary": "Accept, Authorization, Last-Event-ID, X-Operator-Key"}
_OPEN_PAGE: Final = "private, no-cache"
_CLOSED_PAGE: Final = "private, max-age=31536000, immutable"
_FORMS: Final[dict[Format, AccessForm]] = {"json": "page_walk", "ndjson": "export", "sse": "connection"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEventRoutes:
    """Read the log as pages, lines or a stream of events."""

    audit_readers: AuditReaders
    audit_pages: AuditPages
    audit_streams: AuditStreams
    access_records: AccessRecords
    consumers: Consumers

    @get(AUDIT_EVENTS, "reader", query=EventsRequest, answer=_ANSWERS, headers=("Last-Event-ID",), also=UNCHANGED)
    async def read(self, request: web.Request) -> web.StreamResponse:
        """Read the log."""
        reader = await self.audit_readers.identify(request)
        query, event_format = read_query(request, EventsRequest), requested_format(request)
        if query.personal_data:
            reader = await self.audit_readers.with_personal_data(reader)
        plan = await self._plan(request, reader, query, event_format)
        match event_format:
            case "json":
                page = await self.audit_pages.page(plan, limit=query.limit)
                kept = page.closed and query.consumer is None and "Last-Event-ID" not in request.headers
                return _page_response(request, plan, page, kept=kept)
            case "ndjson":
                return await self.audit_streams.send_lines(request, reader, plan)
            case "sse":
                return await self.audit_streams.send_events(request, reader, plan)

    async def _plan(
        self, request: web.Request, reader: AuditReader, query: EventsRequest, event_format: Format
    ) -> ReadPlan:
        """Check what is asked for, and record that it is read."""
        newest_first = query.order == "backward"
        if newest_first and event_format == "sse":
            raise invalid_field("query", "order", "a stream goes forward")
        wanted = query.wanted(reader.developer)
        bounds = query.bounds(await self._after(request, reader, query))
        plan = await self.audit_pages.plan(wanted, bounds, newest_first=newest_first, personal_data=query.personal_data)
        owner = await self.audit_readers.owner_of(wanted)
        await self.access_records.record(request, reader, _FORMS[event_format], wanted, owner=owner, bounds=bounds)
        return plan

    async def _after(self, request: web.Request, reader: AuditReader, query: EventsRequest) -> int | None:
        """Read the position to continue behind; the header, which a reconnect updates, comes first."""
        if sent := request.headers.get("Last-Event-ID"):
            position: int = parse_one(Position, sent, "header", "Last-Event-ID")
            return position
        if query.consumer is None:
            return query.after
        if query.after is not None or query.order == "backward":
            raise invalid_field("query", "consumer", "goes with neither after nor backward")
        consumer = await self.consumers.find(reader.name, query.consumer)
        if consumer is None:
            raise ExemplarError(ErrorCode.NOT_FOUND, "There is no such consumer")
        return consumer.position


def _page_response(request: web.Request, plan: ReadPlan, page: AuditPage, *, kept: bool) -> web.Response:
    """Respond with a page, that is `kept` for good if its URL always means it; one with personal data never is."""
    body = json.dumps(_page_body(plan, page), ensure_ascii=False, separators=(",", ":")).encode()
    if plan.personal_data:
        headers = {"Cache-Control": "no-store", **_VARY}
        return web.Response(body=body, content_type="application/json", headers=headers)
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"Cache-Control": _CLOSED_PAGE if kept else _OPEN_PAGE, "ETag": etag, **_VARY}
    if unchanged(request, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, content_type="application/json", headers=headers)


def _page_body(plan: ReadPlan, page: AuditPage) -> dict[str, Any]:
    """Write a page, and the parameter that continues it; a page backward ends with the first position."""
    continued = {"before": page.reached} if plan.newest_first else {"after": page.reached}
    return {
        "events": [event for commit in page.commits for event in commit.events],
        "more": page.rest is not None,
        "continue": continued,
    }
