"""One pass over all streams, which several invariants share; its memory is one stream and what is still running."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from domain.audit.invariants import Findings, Found, Invariant
from domain.audit.price_check import PriceCheck
from domain.audit.quota_balance import QuotaBalance
from domain.audit.stream_checks import StreamChecks
from domain.audit.stream_order import StoredCommit
from domain.generation.generation import is_generation
from store.audit.invariant_scan import InvariantScan
from store.audit.pace import Pace
from store.commits.document import stream_and_first


@dataclass(slots=True)
class StreamPass:
    """Check every stream. suspects: what was found in each stream, to be confirmed by a second look."""

    scan: InvariantScan
    findings: Findings
    prices: PriceCheck
    balance: QuotaBalance = field(default_factory=QuotaBalance)
    streams: int = 0
    events: int = 0
    suspects: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    _open: StreamChecks | None = None

    async def run(self, pace: Pace) -> None:
        """Read everything once."""
        async with aclosing(self.scan.commits()) as batches:
            async for batch in batches:
                for commit in batch:
                    self._add(commit)
                await pace.tick(len(batch))
        self._end()
        self.findings.add(self.prices.end())
        self.findings.add(self.balance.end())

    async def confirm(self) -> None:
        """Read the suspects again, and forget what is not found there again."""
        for stream, found in self.suspects.items():
            again = set(checked(stream, await self.scan.stream(stream)))
            for invariant, violation in found:
                if (invariant, violation) not in again:
                    self.findings.remove(invariant, violation)

    def _add(self, commit: StoredCommit) -> None:
        stream, _ = stream_and_first({"_id": commit.id})
        if self._open is None or self._open.stream != stream:
            self._end()
            self._open = StreamChecks(stream)
        self._note(stream, [*self._open.add(commit)])

    def _end(self) -> None:
        """Count the stream that was read last."""
        checks, self._open = self._open, None
        if checks is None:
            return
        self._note(checks.stream, [*checks.end()])
        self.streams += 1
        self.events += checks.events
        self.findings.count(Invariant.NO_GAP, checks.commits)
        if is_generation(checks.stream):
            self._count(checks)

    def _count(self, checks: StreamChecks) -> None:
        """Count a generation; one that is not whole is left out of what is counted for its developer."""
        generation, found = checks.folded, checks.generation
        if generation is None:
            return
        self.balance.add(generation, found.units)
        for paid in found.paid:
            self.findings.add(self.prices.add(paid))
        self.findings.count(Invariant.ONE_FINAL_EVENT, generation.final)
        self.findings.count(Invariant.ONE_CREATION, len(found.attempts))
        self.findings.count(Invariant.QUOTA)
        self.findings.count(Invariant.SUMS)

    def _note(self, stream: str, found: Sequence[Found]) -> None:
        for one in found:
            kept = len(self.findings.of[one[0]].violations)
            self.findings.add([one])
            if len(self.findings.of[one[0]].violations) > kept:
                self.suspects[stream].append(one)


def checked(stream: str, commits: Sequence[StoredCommit]) -> list[Found]:
    """Check one stream alone."""
    checks = StreamChecks(stream)
    found = [one for commit in commits for one in checks.add(commit)]
    return [*found, *checks.end()]
