"""`/api/v1/audit/...`: generations, endpoints, developers and quotas as of a point, and what changed between two."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from aiohttp import web

from domain.audit.as_of import as_of_body, difference_body
from domain.audit.event_filter import EventFilter
from domain.audit.subjects import KINDS, Kind
from domain.errors import ErrorCode, ExemplarError
from domain.paths import AUDIT_DEVELOPER, AUDIT_ENDPOINT, AUDIT_GENERATION, AUDIT_QUOTA
from gateway.audit.access_records import AccessRecords
from gateway.audit.answers import AsOf, Difference
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.audit.requests import AsOfRequest, DifferenceRequest
from gateway.http.parsing import path_id, read_query
from gateway.openapi.operation import get
from store.audit.quota_travel import QuotaTravel
from store.audit.stream_travel import StreamPast, StreamTravel

_HEADERS: Final = {"Cache-Control": "private, no-cache"}

_as_of = partial(get, caller="reader", query=AsOfRequest, answer=AsOf)
_difference = partial(get, caller="reader", query=DifferenceRequest, answer=Difference)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAsOfRoutes:
    """Show what is one stream: a generation, an endpoint, a developer's account."""

    audit_readers: AuditReaders
    access_records: AccessRecords
    stream_travel: StreamTravel

    @_as_of(AUDIT_GENERATION, summary="Read a generation as of a version or a moment")
    @_as_of(AUDIT_ENDPOINT, summary="Read a webhook endpoint as of a version or a moment")
    @_as_of(AUDIT_DEVELOPER, summary="Read a developer's account as of a version or a moment")
    async def read(self, request: web.Request) -> web.Response:
        reader = await self.audit_readers.identify(request)
        kind, name = _subject(request)
        past = await self._load(reader, kind, name)
        query = read_query(request, AsOfRequest)
        reached, view = await self.stream_travel.at(past, query.as_of)
        await self._record(request, reader, past, name)
        return _response(as_of_body(kind.name, name, reached, view))

    @_difference(f"{AUDIT_GENERATION}/diff", summary="Compare a generation at two points")
    @_difference(f"{AUDIT_ENDPOINT}/diff", summary="Compare a webhook endpoint at two points")
    @_difference(f"{AUDIT_DEVELOPER}/diff", summary="Compare a developer's account at two points")
    async def compare(self, request: web.Request) -> web.Response:
        reader = await self.audit_readers.identify(request)
        kind, name = _subject(request)
        past = await self._load(reader, kind, name)
        query = read_query(request, DifferenceRequest)
        found = await self.stream_travel.difference(past, query.since, query.as_of)
        await self._record(request, reader, past, name)
        return _response(difference_body(kind.name, name, *found))

    async def _load(self, reader: AuditReader, kind: Kind, name: str) -> StreamPast:
        past = await self.stream_travel.load(kind, name)
        _require_own(reader, past.owner, kind.name)
        return past

    async def _record(self, request: web.Request, reader: AuditReader, past: StreamPast, name: str) -> None:
        """Record the access before anything is shown."""
        match past.kind.name:
            case "generation":
                wanted = EventFilter(generation=name)
            case "endpoint":
                stream = past.kind.stream_of(name)
                wanted = EventFilter(project=past.owner["project"], correlation_id=stream)
            case "developer":
                wanted = EventFilter(developer=name)
        await self.access_records.record(request, reader, "page_walk", wanted, owner=past.owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaAsOfRoutes:
    """Show a developer's quota: used units by month, and who held the slots."""

    audit_readers: AuditReaders
    access_records: AccessRecords
    quota_travel: QuotaTravel

    @_as_of(AUDIT_QUOTA, summary="Read a developer's quota as of a position or a moment")
    async def read(self, request: web.Request) -> web.Response:
        reader = await self.audit_readers.identify(request)
        developer = await self._require(request, reader)
        query = read_query(request, AsOfRequest)
        reached, view = await self.quota_travel.at(developer, query.as_of)
        await self._record(request, reader, developer)
        return _response(as_of_body("quota", developer, reached, view))

    @_difference(f"{AUDIT_QUOTA}/diff", summary="Compare a developer's quota at two points")
    async def compare(self, request: web.Request) -> web.Response:
        reader = await self.audit_readers.identify(request)
        developer = await self._require(request, reader)
        query = read_query(request, DifferenceRequest)
        found = await self.quota_travel.difference(developer, query.since, query.as_of)
        await self._record(request, reader, developer)
        return _response(difference_body("quota", developer, *found))

    async def _require(self, request: web.Request, reader: AuditReader) -> str:
        developer = path_id(request, "developer_id")
        _require_own(reader, {"developer": developer}, "developer")
        await self.quota_travel.require(developer)
        return developer

    async def _record(self, request: web.Request, reader: AuditReader, developer: str) -> None:
        wanted, owner = EventFilter(developer=developer), {"developer": developer}
        await self.access_records.record(request, reader, "page_walk", wanted, owner=owner)


def _subject(request: web.Request) -> tuple[Kind, str]:
    kind = next(one for name, one in KINDS.items() if f"{name}_id" in request.match_info)
    return kind, path_id(request, f"{kind.name}_id")


def _require_own(reader: AuditReader, owner: Mapping[str, str], kind: str) -> None:
    """Raise `not_found` for what is another developer's, as for what does not exist."""
    if reader.developer not in (None, owner["developer"]):
        raise ExemplarError(ErrorCode.NOT_FOUND, f"There is no such {kind}")


def _response(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, headers=_HEADERS)
