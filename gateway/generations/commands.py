"""The routes that change a generation: cancel, publish, delete. Each may be repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.generation import decisions
from domain.generation.generation import Generation
from events.envelope import Cause
from events.event import Event
from gateway.generations.links import PREFIX
from gateway.generations.routes import GenerationRoutes
from gateway.http.bodies import read_form, read_json_object
from gateway.http.request_ids import request_id_of
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore

_BOOLEANS = {
    "true": True,
    "1": True,
    "on": True,
    "yes": True,
    "false": False,
    "0": False,
    "off": False,
    "no": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRoutes:
    """What the routes need; `table` lists them."""

    generations: Generations
    personal_data: PersonalDataStore
    blobs: BlobStore
    owned: GenerationRoutes

    def table(self) -> list[web.RouteDef]:
        """List the routes."""
        one = PREFIX + "/{generation_id}"
        return [
            web.post(one + "/cancel", self.cancel),
            web.patch(one + "/public", self.publish),
            web.delete(one, self.delete),
            web.delete("/api/v1/generation/generations/{generation_id}", self.delete),
        ]

    async def cancel(self, request: web.Request) -> web.Response:
        """Answer 202 while it is on its way to its end, 200 with the resource when it is final."""
        generation = await self.owned.own(request)
        generation = await self._decide(request, generation, decisions.cancel)
        body = await self.owned.resource(request, generation)
        return web.json_response(body, status=200 if generation.final else 202)

    async def publish(self, request: web.Request) -> web.Response:
        """Make a finished generation public or private; answer its resource."""
        generation = await self.owned.own(request)
        is_public = await _read_is_public(request)
        if not generation.final:
            raise ExemplarError(ErrorCode.CONFLICT, "Only a finished generation can be made public")
        generation = await self._decide(
            request, generation, lambda g: decisions.publish(g, is_public=is_public)
        )
        return web.json_response(await self.owned.resource(request, generation))

    async def delete(self, request: web.Request) -> web.Response:
        """Erase a generation's words and pictures; one that runs is cancelled first. From now on: 410."""
        generation = await self.owned.own(request)
        generation = await self._decide(request, generation, lambda g: decisions.cancel(g, erase=True))
        generation = await self._decide(request, generation, decisions.erase)
        if generation.erased:
            await self.blobs.erase(generation.id)
            await self.personal_data.erase(generation.id)
        return web.json_response({"id": generation.id, "message": "Generation deleted successfully"})

    async def _decide(
        self, request: web.Request, generation: Generation, decision: Callable[[Generation], Sequence[Event]]
    ) -> Generation:
        owner = generation.request.owner
        cause = Cause(actor=f"user:{owner.user}", request_id=request_id_of(request))
        decided = await self.generations.decide(generation.id, decision, cause=cause, known=generation)
        if decided is None or not decided.events:
            return generation if decided is None else decided.generation
        await self.owned.submitting.showing.show(decided.generation)
        return decided.generation


async def _read_is_public(request: web.Request) -> bool:
    """Read `is_public` from a form or from JSON."""
    as_json = request.content_type == "application/json"
    fields: Mapping[str, object] = await read_json_object(request) if as_json else await read_form(request)
    value = fields.get("is_public")
    if isinstance(value, str):
        value = _BOOLEANS.get(value.lower(), value)
    if isinstance(value, bool):
        return value
    missing = value is None
    raise FieldError(
        ErrorCode.INVALID_REQUEST,
        ("body", "is_public"),
        "field required" if missing else "value could not be parsed to a boolean",
        "value_error.missing" if missing else "type_error.bool",
    )
