"""`/api/v1/operations/projections`: whether what is derived from the log equals it, and the rebuild of the rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from domain.audit.invariants import Invariant
from domain.paths import PROJECTIONS
from events.envelope import format_time
from gateway.auth.authentication import Authenticator
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import get, post
from gateway.run_body import run_body
from store.audit.invariant_runs import InvariantRuns
from store.rebuild.requests import RebuildRequests
from store.rebuild.runs import RebuildRuns
from store.runs import LatestReport, RequestedRuns

_DERIVED: Final = frozenset({Invariant.STATE.value, Invariant.QUOTA.value, Invariant.SUMS.value})
"""The invariants that compare what is derived with the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectionRoutes:
    """Show drift and rebuilds; the scheduler makes both."""

    authenticator: Authenticator
    invariant_runs: InvariantRuns
    rebuild_runs: RebuildRuns
    rebuild_requests: RebuildRequests

    @get(PROJECTIONS, "operator", answer="Projections")
    async def read(self, request: web.Request) -> web.Response:
        """Show the last drift report, the last rebuild, and what is under way."""
        await self.authenticator.authenticate_operator(request)
        drift, rebuilt = await self.invariant_runs.latest(), await self.rebuild_runs.latest()
        body = {
            "drift": {"report": drift and _drift(drift), "next": await _next(self.invariant_runs)},
            "rebuild": {"report": rebuilt and _report(rebuilt), "next": await _next(self.rebuild_runs)},
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    @post(f"{PROJECTIONS}/drift", "operator", 202)
    async def check(self, request: web.Request) -> web.Response:
        """Have what is derived compared with the log."""
        await self.authenticator.authenticate_operator(request)
        requested_at = await self.invariant_runs.request()
        return web.json_response({"requested_at": format_time(requested_at)}, status=202)

    @post(f"{PROJECTIONS}/rebuild", "operator", 202)
    async def rebuild(self, request: web.Request) -> web.Response:
        """Have the rows of all generations built anew beside those in use, and swapped."""
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        requested_at = await self.rebuild_requests.request(cause=cause)
        return web.json_response({"requested_at": format_time(requested_at)}, status=202)


async def _next(runs: RequestedRuns) -> dict[str, Any] | None:
    wanted = await runs.wanted()
    return None if wanted is None else run_body(wanted)


def _report(latest: LatestReport) -> dict[str, Any]:
    return {"began_at": format_time(latest.began_at), **latest.body}


def _drift(latest: LatestReport) -> dict[str, Any]:
    """Choose what a report over the invariants says of derived data."""
    findings: list[Mapping[str, Any]] = [one for one in latest.body["invariants"] if one["name"] in _DERIVED]
    return {
        "began_at": format_time(latest.began_at),
        "position": latest.body["position"],
        "drift": sum(one["broken"] for one in findings),
        "compared": findings,
    }
