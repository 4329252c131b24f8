"""The log for operators and auditors: all events of a developer, a generation or the platform, oldest first."""

import re
from dataclasses import dataclass
from functools import partial
from typing import cast

from aiohttp import web
from pydantic import BaseModel, Field

from domain.accounts import developer, platform
from domain.audit.event_filter import EventFilter
from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation import generation
from domain.paths import DEVELOPER, GENERATION, PLATFORM
from events.generation import GenerationRequested
from gateway.accounts.answers import History
from gateway.audit.access_records import AccessRecords
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.http.parsing import path_id, read_query
from gateway.openapi.operation import get
from store.commits.contract import EventStore

_CURSOR = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


class HistoryRequest(BaseModel):
    """Where to continue, and how many events to return."""

    cursor: str | None = Field(None, max_length=64)
    limit: int = Field(20, ge=1, le=100)

    @property
    def after(self) -> int:
        """The version to continue after; its readers may know the versions of a stream."""
        if not self.cursor:
            return 0
        if _CURSOR.fullmatch(self.cursor) is None:
            raise invalid_field("query", "cursor", "is no cursor of this list")
        return int(self.cursor)


_read = partial(get, caller="auditor", query=HistoryRequest, answer=History)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRoutes:
    audit_readers: AuditReaders
    access_records: AccessRecords
    events: EventStore

    @_read(f"{DEVELOPER}/history", summary="Read a developer's events")
    @_read(f"{GENERATION}/history", summary="Read the events of any generation")
    @_read(f"{PLATFORM}/history", summary="Read the events of the platform")
    async def read(self, request: web.Request) -> web.Response:
        reader = await self.audit_readers.identify_staff(request)
        stream, query = _stream(request), read_query(request, HistoryRequest)
        after = query.after
        commits = await self.events.read(stream, after=after)
        found = [event for commit in commits for event in commit.events if event.version > after]
        if not found and not after and stream != platform.STREAM:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        await self._record(request, reader)
        page, more = found[: query.limit], len(found) > query.limit
        body: History = {
            "events": [recorded.to_cloudevent() for recorded in page],
            "limit": query.limit,
            "next_cursor": str(page[-1].version) if more else None,
        }
        return web.json_response(body)

    async def _record(self, request: web.Request, reader: AuditReader) -> None:
        developer_id, generation_id = _id(request, "developer_id"), _id(request, "generation_id")
        wanted = EventFilter(developer=developer_id, generation=generation_id)
        owner = {} if developer_id is None else {"developer": developer_id}
        if generation_id is not None:
            owner = await self._owner_of(generation_id)
        await self.access_records.record(request, reader, "page_walk", wanted, owner=owner)

    async def _owner_of(self, generation_id: str) -> dict[str, str]:
        """Read the owner from the first event, which may have no position yet."""
        [first] = await self.events.following({generation.stream_of(generation_id): 0})
        return cast("GenerationRequested", first.events[0].event).owner.model_dump()


def _id(request: web.Request, name: str) -> str | None:
    return path_id(request, name) if name in request.match_info else None


def _stream(request: web.Request) -> str:
    if "developer_id" in request.match_info:
        return developer.stream_of(path_id(request, "developer_id"))
    if "generation_id" in request.match_info:
        return generation.stream_of(path_id(request, "generation_id"))
    return platform.STREAM
