import time
from typing import Final

import structlog

from store.audit.invariant_check import InvariantCheck
from store.audit.invariant_runs import InvariantRuns
from store.leases.contract import Leases

NAME: Final = "invariants"
_SHARE: Final = 0.5  # of the time of this process
_NOTED_EVERY: Final = 2.0  # seconds
_LEASE_SECONDS: Final = 30.0

log = structlog.get_logger()


async def check_invariants(*, invariant_runs: InvariantRuns, invariant_check: InvariantCheck, leases: Leases) -> int:
    """Make the run over the invariants that was asked for; return 1 for one that was made.

    It shares this process with the other jobs, and keeps its lease, which a run may outlast. What is broken raises
    an alarm. A run that fails is noted, so that the next one does not begin at once, and raises what it met.
    """
    began_at = await invariant_runs.begin()
    if began_at is None:
        return 0
    noted_at = 0.0

    async def note(done: int, size: int) -> None:
        nonlocal noted_at
        if time.monotonic() - noted_at >= _NOTED_EVERY:
            noted_at = time.monotonic()
            await leases.take(NAME, seconds=_LEASE_SECONDS)
            await invariant_runs.note(done, size)

    try:
        report = await invariant_check.run(note, share=_SHARE)
    except Exception:
        await invariant_runs.fail(began_at)
        raise
    await invariant_runs.complete(began_at, report)
    log.info("invariants_checked", position=report.position, ok=report.ok)
    for name in report.broken:
        finding = report.findings.of[name]
        log.critical("invariant_broken", invariant=name.value, broken=finding.broken, first=finding.violations[0].id)
    return 1
