from typing import Final

import structlog

from actors.jobs.requested_run import RunUnderWay, make_run
from store.leases.contract import Leases
from store.rebuild.row_rebuild import RowRebuild, RowRebuildReport
from store.rebuild.runs import RebuildRuns

NAME: Final = "row_rebuild"
_SHARE: Final = 0.5  # of the time of this process

log = structlog.get_logger()


async def rebuild_rows(*, rebuild_runs: RebuildRuns, row_rebuild: RowRebuild, leases: Leases) -> int:
    """Make the rebuild of the rows that was asked for; return 1 for one that was made.

    One that a dying process leaves is begun anew.
    """

    async def run(under_way: RunUnderWay) -> RowRebuildReport:
        return await row_rebuild.run(under_way, share=_SHARE, before_swap=under_way.require_current)

    report = await make_run(NAME, rebuild_runs, leases, run)
    if report is None:
        return 0
    log.info("rows_rebuilt", generations=report.generations, kept=report.kept, differing=len(report.differing))
    return 1
