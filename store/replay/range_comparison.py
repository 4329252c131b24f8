"""Fold the streams of a range and compare what is derived from each: the part of a replay that has no order."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.audit.stream_kinds import DELIVERIES, GENERATION
from store.commits.stream_range import WHOLE, StreamRange
from store.commits.stream_walk import FoldedStream
from store.commits.unreadable import UnreadableCommit
from store.quota.recount import LogTallies
from store.replay.delivery_rows import DeliveryRows
from store.replay.read_model import Difference
from store.replay.stream_models import StreamModels
from store.replay.stream_replay import ReplayedStream, StreamReplay

_BATCH: Final = 500
_BATCH_EVENTS: Final = 20_000


@dataclass(slots=True)
class RangeReport:
    """What was found in some streams; reports of adjoining ranges are merged in their order.

    digests: the hash of the state of each stream at the sealed position, by the order of names. suspects: the
    streams whose documents differ at first sight. differences: what differs for certain. compared: how many
    documents of each model were read.
    """

    tallies: LogTallies
    digests: list[tuple[str, bytes]] = field(default_factory=list)
    streams: int = 0
    events: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    suspects: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)
    unreadable: list[UnreadableCommit] = field(default_factory=list)
    commits: int = 0

    def add(self, one: ReplayedStream) -> None:
        """Count a stream."""
        self.streams += 1
        self.events += one.folded.version
        if one.digest is not None:
            self.digests.append((one.folded.name, one.digest))
        if one.folded.kind is GENERATION:
            self.tallies.add(one.folded.state)

    def merge(self, other: "RangeReport") -> None:
        """Add what was found in the streams that follow."""
        self.tallies.merge(other.tallies)
        self.digests += other.digests
        self.streams += other.streams
        self.events += other.events
        self.compared += other.compared
        self.suspects |= other.suspects
        self.differences += other.differences
        self.unreadable += other.unreadable


class RangeComparison:
    """Fold and compare streams batch by batch, in constant memory."""

    def __init__(self, stream_replay: StreamReplay, stream_models: StreamModels, delivery_rows: DeliveryRows) -> None:
        self._replay = stream_replay
        self._models = stream_models
        self._deliveries = delivery_rows

    async def batches(
        self,
        last: int,
        since: datetime,
        on_read: Callable[[int], None] = lambda _: None,
        *,
        compare: bool = True,
        within: StreamRange = WHOLE,
    ) -> AsyncIterator[RangeReport]:
        """Report each batch of streams; without `compare` they are only folded.

        last: the sealed position that the digests are of. since: as `LogTallies`. on_read gets the number of
        commits read so far.
        """
        report, batch = RangeReport(LogTallies(since)), list[FoldedStream]()
        unreadable = list[UnreadableCommit]()  # found before the report that it goes into
        async for one in self._replay.streams(last, unreadable.append, on_read, within):
            report.add(one)
            batch.append(one.folded)
            if len(batch) == _BATCH or report.events > _BATCH_EVENTS:
                yield await self._compared(report, batch if compare else (), unreadable)
                report, batch = RangeReport(LogTallies(since)), []
        yield await self._compared(report, batch if compare else (), unreadable)

    async def whole(self, last: int, since: datetime, within: StreamRange, *, compare: bool = True) -> RangeReport:
        """Report a range of streams at once, with the number of its commits."""
        report = RangeReport(LogTallies(since))

        def count(commits: int) -> None:
            report.commits = commits

        async for part in self.batches(last, since, count, compare=compare, within=within):
            report.merge(part)
        return report

    async def _compared(
        self, report: RangeReport, batch: Sequence[FoldedStream], unreadable: list[UnreadableCommit]
    ) -> RangeReport:
        compared = await self._models.compare(batch)
        report.compared += Counter(compared.documents)
        report.suspects = {one.stream for one in compared.differences if one.stream}
        report.differences = await self._deliveries.missing([one for one in batch if one.kind is DELIVERIES])
        report.unreadable = unreadable[:]
        unreadable.clear()
        return report
