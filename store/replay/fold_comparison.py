"""Compare every live read model with the fold of the log: state equals fold."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from domain.audit.canonical_state import StateHash, state_digest
from domain.audit.stream_kinds import DELIVERIES
from domain.errors import ErrorCode, ExemplarError
from store.commits.unreadable import OnUnreadable, UnreadableCommit, log_unreadable
from store.replay.delivery_rows import DeliveryRows
from store.replay.log_entries import MODEL, LogEntries
from store.replay.range_comparison import RangeComparison, RangeReport
from store.replay.read_model import Compared, Difference
from store.replay.sealed_prefix import SealedPrefix
from store.replay.stream_models import StreamModels
from store.replay.whole_log_models import CountedLog, WholeLogModels

Progress = Callable[[int, int], None]
"""Gets how many commits are read, and about how many there are; the log is read a second time for the sums."""

Pause = Callable[[], Awaitable[None]]

MOST_DIFFERENCES: Final = 10_000
"""A report lists so many and counts the others."""


class RangeReports(Protocol):
    """Reports all ranges of the log in their order; as `RangeComparison.batches`."""

    def __call__(
        self, last: int, since: datetime, on_read: Callable[[int], None], *, compare: bool
    ) -> AsyncIterator[RangeReport]: ...


@dataclass(slots=True)
class ReplayReport:
    """What was folded and compared.

    state_hash: hexadecimal SHA-256 of the state up to the sealed `position`; compared: how many documents of each
    model were read; different: how many fields differ, of which `differences` holds the first; moving: what
    changed during each comparison and could not be compared.
    """

    position: int
    state_hash: str = ""
    streams: int = 0
    events: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    different: int = 0
    differences: list[Difference] = field(default_factory=list)
    moving: list[str] = field(default_factory=list)

    def count(self, part: RangeReport) -> None:
        self.streams += part.streams
        self.events += part.events
        self.compared += part.compared
        self.add(part.differences)

    def add(self, differences: Sequence[Difference]) -> None:
        self.different += len(differences)
        self.differences += differences[: MOST_DIFFERENCES - len(self.differences)]


async def _no_pause() -> None:
    """Go on at once."""


class FoldComparison:
    """Compare rows, claims, accounts, endpoints, deliveries, sums, the ledger and the positions with the log.

    The dependencies are those of the wiring by name; a command sets `timeouts` as well:
    `report = await store.call(FoldComparison).run(on_unreadable=unreadable.add)`. State equals fold when
    `report.different` is 0 and nothing was unreadable. Nothing is written, and the system may go on meanwhile: what
    is under way is compared again until it settles. Memory does not grow with the log, but with one developer's
    accounts and with the number of differences.
    """

    def __init__(
        self,
        range_comparison: RangeComparison,
        *,
        sealed_prefix: SealedPrefix,
        stream_models: StreamModels,
        delivery_rows: DeliveryRows,
        whole_log_models: WholeLogModels,
        log_entries: LogEntries,
        range_reports: RangeReports | None = None,
    ) -> None:
        self._reports = range_reports or range_comparison.batches
        self._prefix = sealed_prefix
        self._models = stream_models
        self._deliveries = delivery_rows
        self._whole = whole_log_models
        self._entries = log_entries

    async def run(
        self,
        *,
        last: int | None = None,
        on_unreadable: OnUnreadable = log_unreadable,
        progress: Progress = lambda *_: None,
        pause: Pause = _no_pause,
        late_since: Callable[[], datetime] | None = None,
    ) -> ReplayReport:
        """Fold the whole log and compare; the hash covers positions up to `last`, without it up to the end.

        `pause` is awaited after each batch, so that the work can be spread over time. With
        `late_since` rows that are behind a generation that has moved after that time are left out: they are under way.
        A stream that cannot be read is given to `on_unreadable` and neither compared nor hashed. Raises
        `unknown_position` for a position that the log does not have.
        """
        report, counted, suspects = await self._begin(last), self._whole.begin(), set[str]()
        async for part in self._folded(report, counted, on_unreadable, progress):
            suspects |= part.suspects
            await pause()
        self._note(report, await self._models.settled(suspects, late_since))
        report.add(await self._models.without_stream(report.compared))
        await pause()
        head = await self._prefix.head()
        await self._compare_documents(report, head, pause)

        async def on_position(at: int) -> None:
            if at:
                progress(at, head)
            await pause()

        self._note(report, await self._whole.compare(counted, on_unreadable, on_position))
        return report

    async def hash(
        self,
        *,
        last: int | None = None,
        on_unreadable: OnUnreadable = log_unreadable,
        progress: Progress = lambda *_: None,
    ) -> ReplayReport:
        """Fold the whole log for its hash alone, as `run`, and compare nothing."""
        report = await self._begin(last)
        async for _ in self._folded(report, self._whole.begin(), on_unreadable, progress, compare=False):
            pass
        return report

    async def of_stream(self, stream: str, *, on_unreadable: OnUnreadable = log_unreadable) -> ReplayReport:
        """Fold one stream and compare what is derived from it alone: not the ledger, nor the sums of usage.

        The hash is that of the stream at its last version. Raises `not_found` where nothing is recorded; a stream
        that cannot be read is given to `on_unreadable`.
        """
        unreadable: list[UnreadableCommit] = []
        report = ReplayReport(await self._prefix.head())
        folded = await self._models.load([stream], unreadable.append)
        for found in unreadable:
            on_unreadable(found)
        if not folded and not unreadable:
            raise ExemplarError(ErrorCode.NOT_FOUND, f"The log has no stream {stream}")
        for one in folded:
            report.state_hash = state_digest(one.name, one.version, one.state).hex()
            report.streams, report.events = 1, one.version
            report.compared += Counter((await self._models.compare([one])).documents)
            self._note(report, await self._models.settled([one.name]))
            if one.kind is DELIVERIES:
                report.add(await self._deliveries.missing([one]))
                async for count, differences in self._deliveries.compare(only=one.state):
                    self._note(report, Compared({"webhook_deliveries": count}, differences))
        async for count, differences in self._entries.compare(report.position, stream):
            self._note(report, Compared({MODEL: count}, differences))
        return report

    async def _begin(self, last: int | None) -> ReplayReport:
        head = await self._prefix.head()
        if last is not None and last > head:
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION, f"There is no position {last}: the last one is {head}")
        return ReplayReport(head if last is None else last)

    async def _folded(
        self,
        report: ReplayReport,
        counted: CountedLog,
        on_unreadable: OnUnreadable,
        progress: Progress,
        *,
        compare: bool = True,
    ) -> AsyncIterator[RangeReport]:
        """Fold all streams, count and hash them, and pass on what was found in each range."""
        head, hashed = await self._prefix.head(), StateHash()
        parts = self._reports(report.position, counted.since, lambda at: progress(at, head), compare=compare)
        async for part in parts:
            report.count(part)
            counted.add(part.tallies)
            for name, digest in part.digests:
                hashed.add(name, digest)
            for found in part.unreadable:
                counted.skip(found)
                on_unreadable(found)
            yield part
        report.state_hash = hashed.hexdigest()

    async def _compare_documents(self, report: ReplayReport, head: int, pause: Pause) -> None:
        """Compare what is read by documents: deliveries, and what stands beside positions."""
        models = {"webhook_deliveries": self._deliveries.compare(), MODEL: self._entries.compare(head)}
        for model, batches in models.items():
            async for count, differences in batches:
                self._note(report, Compared({model: count}, differences))
                await pause()

    def _note(self, report: ReplayReport, compared: Compared) -> None:
        report.compared += Counter(compared.documents)
        report.add(compared.differences)
        report.moving += compared.moving
