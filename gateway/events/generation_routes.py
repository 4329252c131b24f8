"""The events of one generation, by `Accept`: a live stream, a page, lines or a long poll."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.generation.generation import Generation, stream_of
from domain.paths import GENERATION
from events.catalogue import CATALOGUE
from events.envelope import visible
from gateway.auth.account_status import AccessGrant
from gateway.events import event_requests as options
from gateway.events.answers import Events, Ticket
from gateway.events.broadcaster import Broadcaster
from gateway.events.connection import Connection
from gateway.events.connections import Connections, Slot
from gateway.events.event_access import EventAccess
from gateway.events.sse import RESET, frame
from gateway.generations.access import GenerationAccess, path_generation_id
from gateway.generations.request_metadata import RequestMetadata, with_metadata
from gateway.generations.resources import GenerationResources
from gateway.openapi.operation import post
from store.commits.contract import EventStore

_PATH = f"{GENERATION}/events"


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The first frames of a stream, up to `version`; `final`: no event follows, `empty`: not even now."""

    generation: Generation
    grant: AccessGrant
    frames: bytes
    version: int
    final: bool
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationEventRoutes:
    """Read the events of one generation."""

    generation_access: GenerationAccess
    resources: GenerationResources
    events: EventStore
    broadcaster: Broadcaster
    connections: Connections
    event_access: EventAccess
    request_metadata: RequestMetadata

    @options.get_events(_PATH, query=("after", "wait", "ticket"), answer=options.by_accept(Events))
    async def read(self, request: web.Request) -> web.StreamResponse:
        """Watch a generation: SSE, NDJSON or JSON."""
        event_format = options.requested_format(request)
        if event_format == "sse":
            return await self._stream(request, await self._start(request))
        return await self._page(request, event_format)

    @post(f"{_PATH}/ticket", "end_user", 201, answer=Ticket)
    async def issue_ticket(self, request: web.Request) -> web.Response:
        """Issue a ticket for a browser."""
        generation = await self.generation_access.watched(request)
        return self.event_access.issue_ticket(request, generation.request.owner.developer, _path(generation.id))

    async def _admit(self, request: web.Request) -> tuple[Generation, AccessGrant]:
        """Load the generation for its owner, or for the bearer of a ticket for it."""
        generation_id = path_generation_id(request)
        grant = await self.event_access.ticket_grant(request, _path(generation_id))
        if grant is not None:
            return await self.generation_access.existing(generation_id), grant
        generation = await self.generation_access.own(request)
        return generation, self.event_access.grant(request, generation.request.owner.developer)

    async def _page(self, request: web.Request, event_format: options.Format) -> web.Response:
        (generation, grant), seconds = await self._admit(request), options.requested_wait(request)
        position = _known_version(request, generation)
        reset = position is None and options.requested_position(request) is not None
        after = position or 0
        version, shown = await self._visible(generation, after)
        if seconds and not shown and not generation.final:
            with self.connections.slot(generation.request.owner.user, grant.developer, request):
                await self.broadcaster.wait(
                    stream_of(generation.id),
                    after=version,
                    wanted=lambda update: bool(update.frames),
                    seconds=seconds,
                )
            await self.event_access.recheck(grant)
            version, shown = await self._visible(generation, after)
        return options.page_response(event_format, shown, {"version": version}, reset=reset)

    async def _start(self, request: web.Request) -> StreamStart:
        """Resume after the requested version, or start with a snapshot of the resource."""
        generation, grant = await self._admit(request)
        after = _known_version(request, generation)
        if after is not None:
            return await self._resume(generation, grant, after)
        frames = frame("snapshot", await self.resources.write(request, generation), identifier=str(generation.version))
        if options.requested_position(request) is not None:
            frames = RESET + frames
        return StreamStart(generation, grant, frames, generation.version, generation.final)

    async def _resume(self, generation: Generation, grant: AccessGrant, after: int) -> StreamStart:
        version, shown = await self._visible(generation, after)
        frames = b"".join(frame(each["type"], each, identifier=str(each["version"])) for each in shown)
        final = generation.final or any(each["type"] in CATALOGUE.final for each in shown)
        empty = generation.final and not shown
        return StreamStart(generation, grant, frames, version, final, empty)

    async def _stream(self, request: web.Request, start: StreamStart) -> web.StreamResponse:
        """Send the first frames, then live events; 204 when no event can come."""
        if start.empty:
            return web.Response(status=204, headers={"Cache-Control": "no-store"})
        account = start.generation.request.owner.user
        slot = self.connections.slot(account, start.grant.developer, request, stream=True)
        try:
            connection = await self.connections.open(request, start.grant)
        except BaseException:
            slot.free()
            raise
        return connection.followed_by(self._follow(connection, start, slot))

    async def _follow(self, connection: Connection, start: StreamStart, slot: Slot) -> None:
        """Send the first frames and live events, and end the response."""
        stream = stream_of(start.generation.id)
        try:
            await connection.write(start.frames + frame("caught_up", {"version": start.version}))
            if start.final:
                connection.end()
            else:
                token = start.generation.request.personal_data
                self.broadcaster.add(stream, connection, after=start.version, personal_data=token)
            del start  # kilobytes, which thousands of open streams would keep
            response = await connection.ended()
        finally:
            self.broadcaster.remove(stream, connection)
            self.connections.remove(connection)
            slot.free()
        await response.write_eof()

    async def _visible(self, generation: Generation, after: int) -> tuple[int, list[dict[str, Any]]]:
        """Read the last version of the stream, and its visible events after a version."""
        commits = await self.events.read(stream_of(generation.id), after=after)
        events = [event for commit in commits for event in commit.events if event.version > after]
        found = [envelope for event in events if (envelope := visible(event)) is not None]
        metadata = (await self.request_metadata.of(generation)).get(generation.id) if found else None
        return (commits[-1].last if commits else after), [with_metadata(envelope, metadata) for envelope in found]


def _path(generation_id: str) -> str:
    return _PATH.format(generation_id=generation_id)


def _known_version(request: web.Request, generation: Generation) -> int | None:
    """Read the version to resume after; None without one, or for one that the stream does not have."""
    after = options.parse_integer(options.requested_position(request) or "")
    return after if after is not None and after <= generation.version else None
