from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.audit.invariants import Findings, Invariant, InvariantReport, Violation
from domain.audit.price_check import PriceCheck
from domain.generation.timings import Price
from store.audit.checkpoints import Checkpoints
from store.audit.invariant_scan import InvariantScan
from store.audit.pace import Pace, Progress
from store.audit.position_check import check_positions
from store.audit.settings import CheckpointSettings
from store.audit.slot_check import check_slots
from store.audit.stream_pass import StreamPass
from store.commits.contract import EventStore
from store.log.sealed_log import SealedLog
from store.quota.ledger import Ledger
from store.replay.fold_comparison import FoldComparison

_LATE: Final = timedelta(minutes=2)
"""A row may be so long behind its generation before that is a violation."""

_INVARIANT_OF: Final = {"ledger": Invariant.QUOTA, "usage": Invariant.SUMS}
"""The invariants of what sums over many streams."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvariantCheck:
    """Check all invariants while the system runs; nothing is changed."""

    invariant_scan: InvariantScan
    checkpoints: Checkpoints
    fold_comparison: FoldComparison
    events: EventStore
    ledger: Ledger
    sealed_log: SealedLog
    price: Price
    checkpoint_settings: CheckpointSettings
    clock: Callable[[], datetime]

    async def run(self, progress: Progress, *, share: float = 1.0) -> InvariantReport:
        """Read the whole log, and compare it with itself and with what is derived from it.

        What is only under way is no violation: what was found is looked at once more before it is reported. `share`
        is the part of the time that the work may take. Memory: some batches and what is still running.
        """
        started, head, findings = self.clock(), await self.sealed_log.head(), Findings()
        pace = Pace(await self.invariant_scan.size(), progress, share)
        streams = StreamPass(self.invariant_scan, findings, PriceCheck(self.price))
        await streams.run(pace)
        await self._check_positions(findings, head, pace)
        await self._compare_state(findings, pace)
        await check_slots(self.ledger, self.events, findings, self.clock)
        await streams.confirm()
        return InvariantReport(head, streams.streams, streams.events, started, self.clock(), findings)

    async def _check_positions(self, findings: Findings, head: int, pace: Pace) -> None:
        signs = self.checkpoint_settings.signer is not None
        if not signs:
            note = Violation("EXEMPLAR_CHECKPOINT_KEY", "is not configured: no position has to be under a checkpoint")
            findings.of[Invariant.CHECKPOINT].note(note)
        scan, now = self.invariant_scan, self.clock()
        await check_positions(scan, self.checkpoints, findings, head=head, now=now, pace=pace, signs=signs)

    async def _compare_state(self, findings: Findings, pace: Pace) -> None:
        """Compare what is derived from the log with it; what cannot be read is named by the check of its stream."""
        report = await self.fold_comparison.run(
            on_unreadable=lambda _: None, pause=lambda: pace.tick(0), late_since=lambda: self.clock() - _LATE
        )
        for one in report.differences:
            fault = one.fault
            findings.add([(_INVARIANT_OF.get(one.model, Invariant.STATE), Violation(f"{one.model} {one.key}", fault))])
        for name in report.moving:
            invariant = Invariant.QUOTA if name.startswith("ledger ") else Invariant.STATE
            findings.of[invariant].note(Violation(name, "changed during each comparison, and was not compared"))
        findings.count(Invariant.STATE, report.compared.total())
