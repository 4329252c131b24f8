"""`/api/v1/erasures/...`: erase a generation, a user or a project with a reason, and see how far it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from domain.accounts.access import DeveloperIdentity
from domain.case_number import CASE
from domain.generation.listing import Scope
from domain.paths import ERASE_GENERATION, ERASE_PROJECT, ERASE_USER
from events.erasure import Grounds, StatedReason
from gateway.auth.authentication import Authenticator
from gateway.erasures.answers import ErasureProgress
from gateway.http.parsing import Body, path_id, read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import get, post
from store.erasures.erasures import Erasure, ErasureKind, Erasures
from store.generations.missing_rows import MissingRows

_ROW_SECONDS: Final = 5.0
_KINDS: Final[tuple[ErasureKind, ...]] = ("generation", "user", "project")


class ErasureRequest(Body):
    """Why it is erased; `case`: the number of a case elsewhere, without personal data."""

    reason: StatedReason
    case: Annotated[str, Field(pattern=f"^{CASE.pattern}$")] | None = None


_ERASED: Final[Mapping[str, Any]] = {"also": {200: "Erased"}, "also_answers": {200: ErasureProgress}}
_read = partial(get, caller="eraser", answer=ErasureProgress)
_erase = partial(post, caller="eraser", status=202, body=ErasureRequest, answer=ErasureProgress, **_ERASED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRoutes:
    """Erase what belongs to the calling developer; an operator may erase everything."""

    authenticator: Authenticator
    erasures: Erasures
    missing_rows: MissingRows

    @_read(ERASE_GENERATION, summary="Show whether a generation is erased")
    @_read(ERASE_USER, summary="Count what is left of a user to erase")
    @_read(ERASE_PROJECT, summary="Count what is left of a project to erase")
    async def read(self, request: web.Request) -> web.Response:
        _, found = await self._find(request)
        return _response(found, 200)

    @_erase(ERASE_GENERATION, summary="Erase a generation")
    @_erase(ERASE_USER, summary="Erase a user")
    @_erase(ERASE_PROJECT, summary="Erase a project")
    async def erase(self, request: web.Request) -> web.Response:
        """Record the erasure with its reason; what cannot be finished at once is finished by the scheduler."""
        actor, found = await self._find(request)
        body = await read_model(request, ErasureRequest)
        grounds = Grounds(reason=body.reason, case=body.case)
        erasure = await self.erasures.request(found, grounds, cause_of(request, actor))
        return _response(erasure, 200 if erasure.state == "erased" else 202)

    async def _find(self, request: web.Request) -> tuple[str, Erasure]:
        """Authenticate the caller; return their actor and what the path names, if they may erase it."""
        identity = await self.authenticator.authenticate_eraser(request)
        kind = next(one for one in _KINDS if f"{one}_id" in request.match_info)
        developer = identity.developer_id if isinstance(identity, DeveloperIdentity) else None
        name = path_id(request, f"{kind}_id")
        found = await self.erasures.find(kind, name, developer=developer)
        if kind != "generation":
            await self._catch_up(found)
            found = await self.erasures.find(kind, name, developer=developer)
        return identity.actor, found

    async def _catch_up(self, found: Erasure) -> None:
        """Write the rows that a count still lacks, so that it has every generation that was accepted before it.

        What takes longer is counted later; it is erased all the same.
        """
        scope = Scope(found.project, found.id if found.kind == "user" else None)
        await self.missing_rows.write(scope, seconds=_ROW_SECONDS)


def _response(found: Erasure, status: int) -> web.Response:
    body: ErasureProgress = {
        "kind": found.kind,
        "id": found.id,
        "state": found.state,
        "generations": found.generations,
        "running": found.running,
        "users": found.users,
        "endpoints": found.endpoints,
    }
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store"})
