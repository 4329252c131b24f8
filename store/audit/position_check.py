"""Check the sealed order, position by position: no gap, no missing commit, and the checkpoint over each."""

from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime

from domain.audit.checkpoint_times import CheckpointTimes, LateRun
from domain.audit.checkpoints import ContradictionError
from domain.audit.invariants import Findings, Found, Invariant, Violation
from store.audit.checkpoints import Checkpoints, StoredCheckpoint
from store.audit.invariant_scan import InvariantScan, Position
from store.audit.pace import Pace


@dataclass(slots=True)
class PositionCheck:
    """The order of the log; `following`: the first checkpoint that is not behind the position."""

    findings: Findings
    checkpoints: Checkpoints
    times: CheckpointTimes
    last: int = 0
    sealed_at: datetime | None = None
    following: StoredCheckpoint | None = None
    uncovered: list[LateRun] = field(default_factory=list)

    async def add(self, positions: Sequence[Position]) -> None:
        """Check the next positions."""
        for position in positions:
            self.findings.add(self._order(position))
            while self.following is not None and self.following.size < position.number:
                await self.advance()
            signed_at = None if self.following is None else self.following.time
            if position.sealed_at is not None:
                self._note(self.times.add(position.number, position.sealed_at, signed_at))
        self.findings.count(Invariant.NO_GAP, len(positions))
        self.findings.count(Invariant.CHECKPOINT, len(positions))

    async def advance(self) -> None:
        """Read the next checkpoint; a damaged one covers nothing, nor does any behind it."""
        size = 0 if self.following is None else self.following.size
        try:
            self.following = await self.checkpoints.first_covering(size + 1)
        except ContradictionError as error:
            self.findings.add([(Invariant.CHECKPOINT, Violation(f"checkpoint {error.position}", str(error)))])
            self.following = None

    def end(self, head: int) -> None:
        """Check the end of the log."""
        if self.last < head:
            self.findings.add([_gap(f"position {self.last + 1}", "is missing")])
        self._note(self.times.end())

    def _order(self, position: Position) -> Iterator[Found]:
        if position.number != self.last + 1:
            yield _gap(f"position {self.last + 1}", "is missing")
        self.last = position.number
        if position.commit is None or position.sealed_at is None:
            yield _gap(f"position {position.number}", "is malformed: it has no commit, or no time of sealing")
            return
        if not position.exists:
            yield _gap(position.commit, f"is missing: position {position.number} names it")
        if self.sealed_at is not None and position.sealed_at < self.sealed_at:
            yield _gap(f"position {position.number}", "was sealed before the position that it follows")
        self.sealed_at = position.sealed_at

    def _note(self, runs: Iterator[LateRun]) -> None:
        """Keep what is under no checkpoint; what was signed too late is over and a note."""
        for run in runs:
            if run.signed_at is None:
                self.uncovered.append(run)
            else:
                self.findings.of[Invariant.CHECKPOINT].note(run.violation())


def _gap(name: str, fault: str) -> Found:
    return Invariant.NO_GAP, Violation(name, fault)


async def check_positions(
    scan: InvariantScan,
    checkpoints: Checkpoints,
    findings: Findings,
    *,
    head: int,
    now: datetime,
    pace: Pace,
    signs: bool = True,
) -> None:
    """Check every position up to `head`; `now` is before the checkpoints are read, `signs` tells if there must be any.

    What was uncovered is compared with the latest checkpoint once more: one may have been signed meanwhile.
    """
    check = PositionCheck(findings, checkpoints, CheckpointTimes(now))
    await check.advance()
    async with aclosing(scan.positions(head)) as found:
        async for positions in found:
            await check.add(positions)
            await pace.tick(len(positions))
    check.end(head)
    if signs and check.uncovered:
        size = await _latest_size(checkpoints)
        late = [run for run in check.uncovered if run.last > size]
        findings.add((Invariant.CHECKPOINT, run.violation()) for run in late)


async def _latest_size(checkpoints: Checkpoints) -> int:
    try:
        latest = await checkpoints.latest()
    except ContradictionError:
        return 0
    return 0 if latest is None else latest.size
