"""`?wait=n` of a resource: wait until the generation has moved on, instead of asking again and again."""

from dataclasses import dataclass

from aiohttp import web

from domain.generation.generation import Generation, stream_of
from gateway.events.broadcaster import Broadcaster
from gateway.events.connections import Connections
from gateway.events.event_access import EventAccess
from gateway.events.event_requests import requested_wait
from gateway.generations.access import GenerationAccess


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusWait:
    """Wait for a newer version of a generation, woken by its events."""

    generation_access: GenerationAccess
    event_access: EventAccess
    broadcaster: Broadcaster
    connections: Connections

    async def newest(self, request: web.Request, generation: Generation, *, is_known: bool) -> Generation:
        """Return the generation after the wait that the request asks for, if it asks for one.

        A client that knows this version waits for any visible event, another one for the end. Raises `gone` and
        `invalid_credentials` for what happened meanwhile, LimitError above the limit of open waits.
        """
        seconds = requested_wait(request)
        if not seconds or generation.final:
            return generation
        owner = generation.request.owner
        grant = self.event_access.grant(request, owner.developer)
        with self.connections.slot(owner.user, owner.developer, request):
            await self.broadcaster.wait(
                stream_of(generation.id),
                after=generation.version,
                wanted=lambda update: update.final or (is_known and bool(update.frames)),
                seconds=seconds,
            )
        await self.event_access.recheck(grant)
        return await self.generation_access.existing(generation.id)
