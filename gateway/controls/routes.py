"""`/api/v1/controls/...`: operators hold back, refuse or limit generations, and let them go on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from aiohttp import web

from domain.controls.controls import Target
from domain.errors import ErrorCode, ExemplarError
from domain.paths import (
    CONTROL_DEVELOPER,
    CONTROL_MAINTENANCE,
    CONTROL_PROJECT,
    CONTROL_PROVIDER,
    CONTROL_QUEUE,
    CONTROLS,
)
from events.control import ControlKind
from gateway.auth.authentication import Authenticator
from gateway.controls import answers
from gateway.controls.bodies import ControlRequest, MaintenanceRequest, QueueCapRequest, control_body, controls_body
from gateway.http.parsing import path_id, read_model
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import delete, get, put
from store.controls.changes import ControlChanges
from store.controls.current import CurrentControls

_SUBJECTS: Final[tuple[ControlKind, ...]] = ("developer", "project")
_put = partial(put, caller="operator", answer=answers.Control)
_lift = partial(delete, caller="operator", status=204)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlRoutes:
    """Steer the service."""

    authenticator: Authenticator
    control_changes: ControlChanges
    current_controls: CurrentControls
    provider_name: str
    clock: Callable[[], datetime]

    @get(CONTROLS, "operator", answer=answers.Controls)
    async def list_all(self, request: web.Request) -> web.Response:
        """List the controls in force, the oldest first."""
        await self.authenticator.authenticate_operator(request)
        controls = await self.current_controls.fresh()
        return web.json_response(controls_body(controls.by_name.values()), headers={"Cache-Control": "no-store"})

    @_put(CONTROL_MAINTENANCE, body=MaintenanceRequest)
    async def begin_maintenance(self, request: web.Request) -> web.Response:
        """Begin maintenance: reads go on, submissions are refused or wait."""
        return await self._apply(request, MaintenanceRequest)

    @_put(CONTROL_QUEUE, body=QueueCapRequest)
    async def limit_queue(self, request: web.Request) -> web.Response:
        """Limit how many generations may wait."""
        return await self._apply(request, QueueCapRequest)

    @_put(CONTROL_PROVIDER, body=ControlRequest, summary="Stop calls of the image model")
    @_put(CONTROL_DEVELOPER, body=ControlRequest, summary="Pause a developer")
    @_put(CONTROL_PROJECT, body=ControlRequest, summary="Pause a project")
    async def hold(self, request: web.Request) -> web.Response:
        return await self._apply(request, ControlRequest)

    @_lift(CONTROL_MAINTENANCE, summary="End maintenance")
    @_lift(CONTROL_QUEUE, summary="Let any number of generations wait")
    @_lift(CONTROL_PROVIDER, summary="Let the image model be called again")
    @_lift(CONTROL_DEVELOPER, summary="Resume a developer")
    @_lift(CONTROL_PROJECT, summary="Resume a project")
    async def lift(self, request: web.Request) -> web.Response:
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        await self.control_changes.lift(self._target(request), cause=cause)
        return web.Response(status=204)

    async def _apply(self, request: web.Request, model: type[ControlRequest] | type[QueueCapRequest]) -> web.Response:
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        target = self._target(request)
        developer = await self.control_changes.developer_of(target)
        wanted = (await read_model(request, model)).control(target, developer, self.clock())
        controls = await self.control_changes.apply(wanted, cause=cause)
        applied = controls.by_name.get(target.name, wanted)  # another operator may have lifted it by now
        return web.json_response(control_body(applied), headers={"Cache-Control": "no-store"})

    def _target(self, request: web.Request) -> Target:
        """Name what the path is about; `not_found` for another provider than the one that is configured."""
        if "provider" in request.match_info:
            if request.match_info["provider"] != self.provider_name:
                raise ExemplarError(ErrorCode.NOT_FOUND)
            return Target("provider", self.provider_name)
        for kind in _SUBJECTS:
            if f"{kind}_id" in request.match_info:
                return Target(kind, path_id(request, f"{kind}_id"))
        return Target("maintenance" if request.path == CONTROL_MAINTENANCE else "queue_cap")
