"""`/api/v1/operations/projections`: whether what is derived from the log equals it, and the rebuild of the rows."""

from dataclasses import dataclass
from typing import Final, cast

from aiohttp import web

from domain.audit.invariants import Invariant
from domain.paths import PROJECTIONS
from events.envelope import format_time
from gateway.audit.answers import InvariantFinding, ScheduledRun
from gateway.auth.authentication import Authenticator
from gateway.http.request_ids import cause_of
from gateway.openapi.operation import get, post
from gateway.operations import answers
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

    @get(PROJECTIONS, "operator", answer=answers.Projections)
    async def read(self, request: web.Request) -> web.Response:
        """Show the last drift report, the last rebuild, and what is under way."""
        await self.authenticator.authenticate_operator(request)
        drift, rebuilt = await self.invariant_runs.latest(), await self.rebuild_runs.latest()
        body: answers.Projections = {
            "drift": {"report": _drift(drift) if drift else None, "next": await _next(self.invariant_runs)},
            "rebuild": {"report": _report(rebuilt) if rebuilt else None, "next": await _next(self.rebuild_runs)},
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    @post(f"{PROJECTIONS}/drift", "operator", 202, answer=answers.RequestedRun)
    async def check(self, request: web.Request) -> web.Response:
        """Have what is derived compared with the log."""
        await self.authenticator.authenticate_operator(request)
        requested_at = await self.invariant_runs.request()
        body: answers.RequestedRun = {"requested_at": format_time(requested_at)}
        return web.json_response(body, status=202)

    @post(f"{PROJECTIONS}/rebuild", "operator", 202, answer=answers.RequestedRun)
    async def rebuild(self, request: web.Request) -> web.Response:
        """Have the rows of all generations built anew beside those in use, and swapped."""
        cause = cause_of(request, await self.authenticator.authenticate_operator(request))
        requested_at = await self.rebuild_requests.request(cause=cause)
        body: answers.RequestedRun = {"requested_at": format_time(requested_at)}
        return web.json_response(body, status=202)


async def _next(runs: RequestedRuns) -> ScheduledRun | None:
    wanted = await runs.wanted()
    return None if wanted is None else run_body(wanted)


def _report(latest: LatestReport) -> answers.RebuildReport:
    return cast("answers.RebuildReport", {"began_at": format_time(latest.began_at), **latest.body})


def _drift(latest: LatestReport) -> answers.DriftReport:
    """Choose what a report over the invariants says of derived data."""
    findings: list[InvariantFinding] = [one for one in latest.body["invariants"] if one["name"] in _DERIVED]
    return {
        "began_at": format_time(latest.began_at),
        "position": latest.body["position"],
        "drift": sum(one["broken"] for one in findings),
        "compared": findings,
    }
