"""The events of one generation: as a live stream, a page, lines or a long poll, by `Accept`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.generation.generation import Generation, stream_of
from events.catalogue import CATALOGUE
from events.visible import visible
from gateway.auth.account_status import AccessGrant
from gateway.events.broadcaster import Broadcaster, Update
from gateway.events.connections import Connections
from gateway.events.positions import asked_form, asked_position, asked_wait, lines_of, page_of, version_of
from gateway.events.readers import Readers
from gateway.events.sse import frame
from gateway.generations.links import PREFIX
from gateway.generations.routes import GenerationRoutes
from store.commits.contract import EventStore


@dataclass(frozen=True, slots=True)
class Start:
    """How a stream begins: the frames of what was, up to `version`; `over`: nothing was and nothing comes."""

    generation: Generation
    admitted: AccessGrant
    past: bytes
    version: int
    over: bool
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRoutes:
    """What the routes need; `table` lists them."""

    owned: GenerationRoutes
    events: EventStore
    broadcaster: Broadcaster
    connections: Connections
    readers: Readers

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        events = PREFIX + "/{generation_id}/events"
        return [web.get(events, self.read), web.post(events + "/ticket", self.ticket)]

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Answer the visible events behind a version, in the form that is asked for."""
        form = asked_form(request)
        if form != "sse":
            return await self._page(request, lines=form == "ndjson")
        return await self._stream(request, await self._start(request))

    async def ticket(self, request: web.Request) -> web.Response:
        """Answer a ticket that opens this generation's events for a minute, without a header."""
        generation = await self.owned.own(request)
        return self.readers.ticket(request, _resource(generation.id), f"{PREFIX}/{generation.id}/events")

    async def _admit(self, request: web.Request) -> tuple[Generation, AccessGrant]:
        """Load the generation for its owner, or for whoever brings a ticket for it."""
        generation_id = request.match_info["generation_id"].lower()
        admitted = await self.readers.by_ticket(request, _resource(generation_id))
        if admitted is not None:
            return await self.owned.existing(generation_id), admitted
        return await self.owned.own(request), self.readers.admitted(request)

    async def _page(self, request: web.Request, *, lines: bool) -> web.Response:
        (generation, admitted), seconds = await self._admit(request), asked_wait(request)
        after = _asked(request, generation)
        reset = after is None and asked_position(request) is not None
        after = after or 0
        version, shown = await self._behind(generation, after)
        if seconds and not shown and not generation.final:
            with self.connections.slot(generation.request.owner.user, request):
                await self.broadcaster.wait(
                    stream_of(generation.id), after=version, wanted=_is_shown, seconds=seconds
                )
            await self.readers.confirm(admitted)
            version, shown = await self._behind(generation, after)
        return lines_of(shown, reset=reset) if lines else page_of({"version": version}, shown, reset=reset)

    async def _start(self, request: web.Request) -> Start:
        """Resume behind the version that is asked for, or begin with the resource as it is."""
        generation, admitted = await self._admit(request)
        after = _asked(request, generation)
        if after is not None:
            return await self._resumed(generation, admitted, after)
        resource = await self.owned.resource(request, generation)
        past = frame("snapshot", resource, identifier=str(generation.version))
        if asked_position(request) is not None:
            past = frame("reset", {"reason": "unknown_position"}) + past
        version = generation.version
        return Start(generation, admitted, past, version, over=False, final=generation.final)

    async def _resumed(self, generation: Generation, admitted: AccessGrant, after: int) -> Start:
        version, shown = await self._behind(generation, after)
        past = b"".join(frame(each["type"], each, identifier=str(each["version"])) for each in shown)
        final = generation.final or any(each["type"] in CATALOGUE.final for each in shown)
        over = generation.final and not shown
        return Start(generation, admitted, past, version, over=over, final=final)

    async def _stream(self, request: web.Request, start: Start) -> web.StreamResponse:
        """Send what was, then what comes; 204 when nothing can come."""
        if start.over:
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        stream, holder = stream_of(start.generation.id), start.generation.request.owner.user
        with self.connections.slot(holder, request):
            connection = await self.connections.open(request, start.admitted)
            try:
                await connection.write(start.past + frame("caught_up", {"version": start.version}))
                if start.final:
                    connection.end()
                else:
                    self.broadcaster.add(stream, connection, after=start.version)
                del start  # kilobytes, of which thousands of streams need nothing any more
                return await connection.ended()
            finally:
                self.broadcaster.remove(stream, connection)
                self.connections.leave(connection)

    async def _behind(self, generation: Generation, after: int) -> tuple[int, Sequence[dict[str, Any]]]:
        """Read how far the stream goes, and its visible events behind a version."""
        commits = await self.events.read(stream_of(generation.id), after=after)
        events = [event for commit in commits for event in commit.events if event.version > after]
        shown = [envelope for event in events if (envelope := visible(event)) is not None]
        return (commits[-1].last if commits else after), shown


def _resource(generation_id: str) -> str:
    """Name what a ticket opens."""
    return f"generation:{generation_id}"


def _is_shown(update: Update) -> bool:
    return bool(update.envelopes)


def _asked(request: web.Request, generation: Generation) -> int | None:
    """Read the version to resume behind; None when none was asked for, or one that is not known here."""
    after = version_of(asked_position(request) or "")
    return after if after is not None and after <= generation.version else None
