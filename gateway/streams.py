"""The events of one generation: as a live stream, a page, lines or a long poll, by `Accept`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.generation import Generation, stream_of
from events.generation import GenerationCompleted, GenerationFailed
from gateway.generations import GenerationRoutes
from gateway.links import PREFIX
from gateway.outlets import Outlets
from gateway.positions import asked_form, asked_position, asked_wait, lines_of, page_of, version_of
from gateway.sse import frame
from gateway.tickets import LIFETIME, Tickets
from gateway.visible import visible
from gateway.watching import Moment, Watching
from store.event_store import EventStore

_FINAL = frozenset({GenerationCompleted.type, GenerationFailed.type})
_RESET = frame("reset", {"reason": "unknown_position"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRoutes:
    """What the routes need; `table` lists them."""

    owned: GenerationRoutes
    events: EventStore
    watching: Watching
    outlets: Outlets
    tickets: Tickets
    clock: Callable[[], datetime]

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        events = PREFIX + "/{generation_id}/events"
        return [web.get(events, self.read), web.post(events + "/ticket", self.ticket)]

    async def read(self, request: web.Request) -> web.StreamResponse:
        """Answer the visible events behind a version, in the form that is asked for."""
        generation = await self._admit(request)
        asked, form = asked_position(request), asked_form(request)
        after = None if asked is None else version_of(asked)
        known = after is not None and after <= generation.version
        reset = asked is not None and not known
        if form != "sse":
            start = after if after is not None and known else 0
            return await self._page(request, generation, start, reset=reset, lines=form == "ndjson")
        with self.outlets.seat(generation.request.owner.user):
            if after is not None and known:
                return await self._resume(request, generation, after)
            return await self._begin(request, generation, _RESET if reset else b"")

    async def ticket(self, request: web.Request) -> web.Response:
        """Answer a ticket that opens this generation's events for a minute, without a header."""
        generation = await self.owned.own(request)
        ticket = self.tickets.write(generation.id, self.clock())
        events = self.owned.links.urls(self.owned.links.base(request), generation.id, self.owned.clock())["events"]
        seconds = int(LIFETIME.total_seconds())
        body = {"ticket": ticket, "url": f"{events}?ticket={ticket}", "expires_in": seconds}
        return web.json_response(body, status=201, headers={"Cache-Control": "no-store"})

    async def _admit(self, request: web.Request) -> Generation:
        """Load the generation for its owner, or for whoever brings a ticket for it."""
        ticket = request.query.get("ticket")
        if ticket is None:
            return await self.owned.own(request)
        generation_id = request.match_info["generation_id"].lower()
        if not self.tickets.opens(ticket, generation_id, self.clock()):
            raise ExemplarError(ErrorCode.INVALID_TICKET)
        return await self.owned.existing(generation_id)

    async def _page(
        self, request: web.Request, generation: Generation, after: int, *, reset: bool, lines: bool
    ) -> web.Response:
        seconds = asked_wait(request)
        version, shown = await self._behind(generation, after)
        if seconds and not shown and not generation.final:
            with self.outlets.seat(generation.request.owner.user):
                await self.watching.wait(
                    stream_of(generation.id), after=version, wanted=_is_shown, seconds=seconds
                )
            version, shown = await self._behind(generation, after)
        return lines_of(shown, reset=reset) if lines else page_of({"version": version}, shown, reset=reset)

    async def _resume(self, request: web.Request, generation: Generation, after: int) -> web.StreamResponse:
        """Send every visible event behind `after`, then what comes; 204 when nothing can come."""
        version, shown = await self._behind(generation, after)
        if generation.final and not shown:
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        past = b"".join(frame(each["type"], each, identifier=str(each["version"])) for each in shown)
        final = generation.final or any(each["type"] in _FINAL for each in shown)
        return await self._stream(request, generation.id, past, version, final=final)

    async def _begin(self, request: web.Request, generation: Generation, past: bytes) -> web.StreamResponse:
        """Send the resource as it is, then what comes."""
        resource = await self.owned.resource(request, generation)
        past += frame("snapshot", resource, identifier=str(generation.version))
        return await self._stream(request, generation.id, past, generation.version, final=generation.final)

    async def _stream(
        self, request: web.Request, generation_id: str, past: bytes, version: int, *, final: bool
    ) -> web.StreamResponse:
        stream, outlet = stream_of(generation_id), await self.outlets.open(request)
        try:
            await outlet.write(past + frame("caught_up", {"version": version}))
            if final:
                outlet.end()
            else:
                self.watching.add(stream, outlet, after=version)
            return await outlet.ended()
        finally:
            self.watching.remove(stream, outlet)
            self.outlets.leave(outlet)

    async def _behind(self, generation: Generation, after: int) -> tuple[int, Sequence[dict[str, Any]]]:
        """Read how far the stream goes, and its visible events behind a version."""
        commits = await self.events.read(stream_of(generation.id), after=after)
        events = [event for commit in commits for event in commit.events if event.version > after]
        shown = [envelope for event in events if (envelope := visible(event)) is not None]
        return (commits[-1].last if commits else after), shown


def _is_shown(moment: Moment) -> bool:
    return bool(moment.envelopes)
