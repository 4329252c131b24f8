"""`/api/v1/audit/invariants`: what must always be true of the log and of what is derived from it."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from aiohttp import web

from domain.audit.event_filter import EventFilter
from domain.paths import AUDIT_INVARIANTS
from gateway.audit.access_records import AccessRecords
from gateway.audit.answers import InvariantReport, Invariants
from gateway.audit.reader import AuditReader, AuditReaders
from gateway.events.connections import Connections
from gateway.events.event_requests import preferred_wait
from gateway.openapi.operation import get
from gateway.run_body import run_body
from store.audit.invariant_runs import InvariantRuns
from store.runs import LatestReport, WantedRun

_LOOKED_EVERY: Final = 0.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantRoutes:
    """Show the last run over the invariants, and ask the scheduler for a new one."""

    audit_readers: AuditReaders
    access_records: AccessRecords
    invariant_runs: InvariantRuns
    connections: Connections

    @get(AUDIT_INVARIANTS, "auditor", headers=("Prefer",), answer=Invariants)
    async def read(self, request: web.Request) -> web.Response:
        """Check the invariants of the log.

        Answers with the last completed run and asks for another; with `Prefer: wait=n` a run that began after the
        request, if it is completed in time.
        """
        reader = await self.audit_readers.identify_staff(request)
        await self.access_records.record(request, reader, "page_walk", EventFilter(), owner={})
        requested_at, headers = await self.invariant_runs.request(), {"Cache-Control": "private, no-cache"}
        seconds = preferred_wait(request)
        if seconds is not None:
            await self._wait(request, reader, requested_at, seconds)
            await self.audit_readers.identify_staff(request)  # the account may have lost access during the wait
            headers["Preference-Applied"] = f"wait={seconds}"
        body = _body(await self.invariant_runs.latest(), await self.invariant_runs.wanted())
        return web.json_response(body, headers=headers)

    async def _wait(self, request: web.Request, reader: AuditReader, requested_at: datetime, seconds: int) -> None:
        """Wait for a run that began at a time or later; a stopping process waits for none."""
        until = time.monotonic() + seconds
        with self.connections.slot(f"reader {reader.name}", "staff", request):
            while time.monotonic() < until and not self.connections.draining:
                latest = await self.invariant_runs.latest()
                if latest is not None and latest.began_at >= requested_at:
                    return
                await asyncio.sleep(_LOOKED_EVERY)


def _body(latest: LatestReport | None, wanted: WantedRun | None) -> Invariants:
    report = None if latest is None else cast("InvariantReport", latest.body)
    return {"report": report, "next": None if wanted is None else run_body(wanted)}
