from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from actors.jobs.requested_run import make_run
from store.audit.audit_log import AuditLog
from store.audit.invariant_check import InvariantCheck
from store.audit.invariant_runs import InvariantRuns
from store.leases.contract import Leases

NAME: Final = "invariants"
_SHARE: Final = 0.5  # of the time of this process

log = structlog.get_logger()


async def check_invariants(*, invariant_runs: InvariantRuns, invariant_check: InvariantCheck, leases: Leases) -> int:
    """Make the run over the invariants that was asked for; return 1 for one that was made.

    It shares this process with the other jobs. What is broken raises an alarm.
    """
    report = await make_run(NAME, invariant_runs, leases, partial(invariant_check.run, share=_SHARE))
    if report is None:
        return 0
    log.info("invariants_checked", position=report.position, ok=report.ok)
    for name in report.broken:
        finding = report.findings.of[name]
        log.critical("invariant_broken", invariant=name.value, broken=finding.broken, first=finding.violations[0].id)
    return 1


async def request_drift_report(
    *,
    invariant_runs: InvariantRuns,
    audit_log: AuditLog,
    server_time: Callable[[], Awaitable[datetime]],
    drift_report_every: timedelta | None,
) -> int:
    """Ask for a run over the invariants when the last one, or the first commit, is old enough; return 1 if so."""
    if drift_report_every is None or await invariant_runs.wanted() is not None:
        return 0
    latest = await invariant_runs.latest()
    since = await audit_log.sealed_at(1) if latest is None else latest.began_at
    if since is None or await server_time() - since < drift_report_every:
        return 0
    await invariant_runs.request()
    return 1
