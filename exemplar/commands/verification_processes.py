from dataclasses import dataclass

from exemplar.commands.replay_processes import processes_for
from store.audit.commit_scan import CommitScan
from store.audit.range_processes import RangeProcesses
from store.audit.verification import VerifiedRanges
from store.replay.stream_ranges import StreamRanges
from store.settings import StoreSettings


@dataclass(frozen=True, slots=True)
class VerificationProcesses:
    """Verify the log in several processes; what comes out does not depend on their number."""

    store_settings: StoreSettings
    stream_ranges: StreamRanges
    commit_scan: CommitScan

    async def ranges(self) -> VerifiedRanges | None:
        """Divide the log among the cores; None for a short one, and where queries have no order in common."""
        count = await processes_for(self.stream_ranges)
        return None if count == 1 or self.commit_scan.is_routed() else RangeProcesses(self.store_settings, count)
