from functools import partial
from typing import Final

import structlog

from actors.jobs.requested_run import make_run
from store.leases.contract import Leases
from store.rebuild.row_rebuild import RowRebuild
from store.rebuild.runs import RebuildRuns

NAME: Final = "row_rebuild"
_SHARE: Final = 0.5  # of the time of this process

log = structlog.get_logger()


async def rebuild_rows(*, rebuild_runs: RebuildRuns, row_rebuild: RowRebuild, leases: Leases) -> int:
    """Make the rebuild of the rows that was asked for; return 1 for one that was made.

    One that a dying process leaves is begun anew.
    """
    report = await make_run(NAME, rebuild_runs, leases, partial(row_rebuild.run, share=_SHARE))
    if report is None:
        return 0
    log.info("rows_rebuilt", generations=report.generations, kept=report.kept, differing=len(report.differing))
    return 1
