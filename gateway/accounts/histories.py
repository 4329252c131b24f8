"""The log as operators and auditors read it: every event of a developer, a generation or the platform."""

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import BaseModel, Field

from domain.accounts import developer, platform
from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.generation import generation
from domain.paths import GENERATION
from events.commit import Commit
from gateway.accounts.identity import path_id, read_query
from gateway.auth.authentication import Authenticator

_CURSOR = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)

ReadStream = Callable[..., Awaitable[list[Commit]]]


class HistoryRequest(BaseModel):
    """Where to go on, and how many events to answer."""

    cursor: str | None = Field(None, max_length=64)
    limit: int = Field(20, ge=1, le=100)

    @property
    def after(self) -> int:
        """The version behind which to go on: the numbers of a stream are no secret to who reads it."""
        if not self.cursor:
            return 0
        if _CURSOR.fullmatch(self.cursor) is None:
            loc = ("query", "cursor")
            raise FieldError(ErrorCode.INVALID_REQUEST, loc, "is no cursor of this list", "value_error")
        return int(self.cursor)


class HistoryRoutes:
    """Answer operators and auditors; `read(stream, after=version)` reads the commits behind a version."""

    def __init__(self, authenticator: Authenticator, read: ReadStream) -> None:
        self._authenticator = authenticator
        self._read = read

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/developers/{developer_id}/history", self.of_developer),
            web.get(f"{GENERATION}/history", self.of_generation),
            web.get("/api/v1/platform/history", self.of_platform),
        ]

    async def of_developer(self, request: web.Request) -> web.Response:
        """Answer every change of a developer as it stands in the log, oldest first."""
        await self._authenticator.overseer(request)
        return await self._answer(request, developer.stream_of(path_id(request, "developer_id")))

    async def of_generation(self, request: web.Request) -> web.Response:
        """Answer every event of a generation, of whomever; no word or picture stands in one."""
        await self._authenticator.overseer(request)
        return await self._answer(request, generation.stream_of(path_id(request, "generation_id")))

    async def of_platform(self, request: web.Request) -> web.Response:
        """Answer who manages the platform or reads its log, and since when."""
        await self._authenticator.overseer(request)
        return await self._answer(request, platform.STREAM)

    async def _answer(self, request: web.Request, stream: str) -> web.Response:
        asked = read_query(request, HistoryRequest)
        after = asked.after
        commits = await self._read(stream, after=after)
        found = [event for commit in commits for event in commit.events if event.version > after]
        if not found and not after and stream != platform.STREAM:
            raise ExemplarError(ErrorCode.NOT_FOUND)
        shown, more = found[: asked.limit], len(found) > asked.limit
        body = {
            "events": [recorded.to_cloudevent() for recorded in shown],
            "limit": asked.limit,
            "next_cursor": str(shown[-1].version) if more else None,
        }
        return web.json_response(body)
