"""`/api/v1/operations/search`: everything that a request led to, and the ids under which its log lines are found."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from domain.audit.event_filter import EventFilter
from domain.paths import OPERATIONS_SEARCH
from events.envelope import format_time
from gateway.audit.access_records import AccessRecords
from gateway.audit.reader import AuditReaders
from gateway.http.parsing import read_query
from gateway.http.values import Text
from gateway.openapi.operation import get
from gateway.operations import answers
from gateway.operations.bodies import entry_body
from store.failed.request_search import RequestSearch, RequestTraces


class SearchRequest(BaseModel):
    """The id of a request, as its answer had it in `X-Request-ID`."""

    request_id: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchRoutes:
    """Search by request id; the access is recorded like every reading of the log."""

    audit_readers: AuditReaders
    access_records: AccessRecords
    request_search: RequestSearch

    @get(OPERATIONS_SEARCH, "auditor", query=SearchRequest, answer=answers.RequestTraces)
    async def search(self, request: web.Request) -> web.Response:
        """Find what a request led to: events, deliveries, failed work, and the ids in logs."""
        reader = await self.audit_readers.identify_staff(request)
        wanted = read_query(request, SearchRequest).request_id
        await self.access_records.record(request, reader, "page_walk", EventFilter(request_id=wanted), owner={})
        body = _body(wanted, await self.request_search.find(wanted))
        return web.json_response(body, headers={"Cache-Control": "private, no-store"})


def _body(request_id: str, traces: RequestTraces) -> answers.RequestTraces:
    events: list[answers.TracedEvent] = [
        {"position": position, "id": event.id, "type": event.type, "occurred_at": format_time(event.time)}
        for position, event in traces.events
    ]
    return {
        "request_id": request_id,
        "events": events,
        "deliveries": [_delivery(one) for one in traces.deliveries],
        "parked": [entry_body(one) for one in traces.parked],
        "dead_letters": [entry_body(one) for one in traces.dead_letters],
        "log_fields": _log_fields(request_id, traces),
    }


def _delivery(stored: dict[str, Any]) -> answers.TracedDelivery:
    return {
        "id": stored["_id"],
        "endpoint": stored.get("endpoint"),
        "generation": stored.get("generation"),
        "state": stored.get("state"),
    }


def _log_fields(request_id: str, traces: RequestTraces) -> answers.LogFields:
    """Name the fields of log lines, and the values that those about the request have there."""
    return {
        "request_id": [request_id],
        "generation_id": [*traces.generations],
        "event_id": [event.id for _, event in traces.events],
        "delivery": [one["_id"] for one in traces.deliveries],
        "traceparent": sorted({event.cause.traceparent for _, event in traces.events if event.cause.traceparent}),
    }
