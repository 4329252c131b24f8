"""Commands that change a generation: cancel, publish, delete. Each may be repeated."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation import decisions
from domain.generation.generation import Generation
from domain.paths import GENERATION, OLDER_GENERATION
from events.envelope import Cause
from events.erasure import Grounds
from events.event import Event
from gateway.generations import answers
from gateway.generations.access import GenerationAccess
from gateway.generations.resources import GenerationResources
from gateway.generations.write_through import WriteThrough
from gateway.http.bodies import read_form, read_json_object
from gateway.http.parsing import require_known
from gateway.http.request_ids import request_id_of
from gateway.openapi.operation import delete, patch, post
from store.generations.erasure import GenerationErasure
from store.generations.generations import Generations

_BOOLEANS = dict.fromkeys(("true", "1", "on", "yes"), True) | dict.fromkeys(("false", "0", "off", "no"), False)
_FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")
_IS_PUBLIC = {"type": "object", "required": ["is_public"], "properties": {"is_public": {"type": "boolean"}}}
_GROUNDS = Grounds(reason="owner_request")
_PUBLIC = dict.fromkeys(_FORMS, _IS_PUBLIC)
_FINAL: Mapping[str, Any] = {"also": {200: "Already final"}, "also_answers": {200: answers.Generation}}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRoutes:
    """Change one generation of the caller."""

    generations: Generations
    generation_erasure: GenerationErasure
    generation_access: GenerationAccess
    resources: GenerationResources
    write_through: WriteThrough

    @post(f"{GENERATION}/cancel", "end_user", 202, answer=answers.Generation, **_FINAL)
    async def cancel(self, request: web.Request) -> web.Response:
        """Cancel a generation."""
        generation = await self.generation_access.own(request)
        generation = await self._decide(request, generation, decisions.cancel)
        body = await self.resources.write(request, generation)
        return web.json_response(body, status=200 if generation.final else 202)

    @patch(f"{GENERATION}/public", "end_user", body=_PUBLIC, answer=answers.Generation, codes=(ErrorCode.CONFLICT,))
    async def publish(self, request: web.Request) -> web.Response:
        """Make a finished generation public or private."""
        generation = await self.generation_access.own(request)
        is_public = await _read_is_public(request)
        if not generation.final:
            raise ExemplarError(ErrorCode.CONFLICT, "Only a finished generation can be made public")
        generation = await self._decide(request, generation, lambda g: decisions.publish(g, is_public=is_public))
        return web.json_response(await self.resources.write(request, generation))

    @delete(GENERATION, "end_user", answer=answers.DeletedGeneration, aliases=(OLDER_GENERATION,))
    async def delete(self, request: web.Request) -> web.Response:
        """Delete a generation with its personal data and pictures.

        What still runs is cancelled first; later reads answer 410.
        """
        generation = await self.generation_access.own(request)
        cause = _cause_of(request, generation)
        decided = await self.generation_erasure.erase(generation.id, grounds=_GROUNDS, cause=cause, known=generation)
        if decided is not None and decided.events:
            await self.write_through.write(decided.generation)
        body: answers.DeletedGeneration = {"id": generation.id, "message": "Generation deleted successfully"}
        return web.json_response(body)

    async def _decide(
        self, request: web.Request, generation: Generation, decision: Callable[[Generation], Sequence[Event]]
    ) -> Generation:
        cause = _cause_of(request, generation)
        decided = await self.generations.decide(generation.id, decision, cause=cause, known=generation)
        if decided is None:
            return generation
        if decided.events:
            await self.write_through.write(decided.generation)
        return decided.generation


def _cause_of(request: web.Request, generation: Generation) -> Cause:
    return Cause(actor=f"user:{generation.request.owner.user}", request_id=request_id_of(request))


async def _read_is_public(request: web.Request) -> bool:
    as_json = request.content_type == "application/json"
    fields: Mapping[str, object] = await read_json_object(request) if as_json else await read_form(request)
    require_known(fields, ("is_public",))
    value = fields.get("is_public")
    if isinstance(value, str):
        value = _BOOLEANS.get(value.lower(), value)
    if isinstance(value, bool):
        return value
    if value is None:
        raise invalid_field("body", "is_public", "field required", "value_error.missing")
    raise invalid_field("body", "is_public", "value could not be parsed to a boolean", "type_error.bool")
