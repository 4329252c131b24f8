"""Compare every live read model with the fold of the log: state equals fold."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from domain.audit.canonical_state import StateHash, state_digest
from domain.audit.stream_kinds import DELIVERIES, GENERATION
from domain.errors import ErrorCode, ExemplarError
from store.commits.stream_walk import FoldedStream
from store.commits.unreadable import OnUnreadable, UnreadableCommit, log_unreadable
from store.replay.delivery_rows import DeliveryRows
from store.replay.log_entries import MODEL, LogEntries
from store.replay.read_model import Compared, Difference
from store.replay.sealed_prefix import SealedPrefix
from store.replay.stream_models import StreamModels
from store.replay.stream_replay import StreamReplay
from store.replay.whole_log_models import CountedLog, WholeLogModels

Progress = Callable[[int, int], None]
"""Gets how many commits are read, and about how many there are; the log is read a second time for the sums."""

Pause = Callable[[], Awaitable[None]]

MOST_DIFFERENCES: Final = 10_000
"""A report lists so many and counts the others."""

_BATCH: Final = 500
_BATCH_EVENTS: Final = 20_000


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

    def read(self, streams: Sequence[FoldedStream]) -> None:
        self.streams += len(streams)
        self.events += sum(one.version for one in streams)

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
        stream_replay: StreamReplay,
        *,
        sealed_prefix: SealedPrefix,
        stream_models: StreamModels,
        delivery_rows: DeliveryRows,
        whole_log_models: WholeLogModels,
        log_entries: LogEntries,
    ) -> None:
        self._replay = stream_replay
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
        head = await self._prefix.head()
        if last is not None and last > head:
            raise ExemplarError(ErrorCode.UNKNOWN_POSITION, f"There is no position {last}: the last one is {head}")
        report, counted = ReplayReport(head if last is None else last), self._whole.begin()
        suspects = set[str]()
        async for found in self._walk(report, counted, on_unreadable, lambda at: progress(at, head)):
            suspects |= found
            await pause()
        self._note(report, await self._models.settled(suspects, late_since))
        report.add(await self._models.without_stream(report.compared))
        await pause()
        await self._compare_documents(report, head, pause)

        async def on_position(at: int) -> None:
            if at:
                progress(at, head)
            await pause()

        self._note(report, await self._whole.compare(counted, on_unreadable, on_position))
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
            report.read([one])
            report.compared += Counter((await self._models.compare([one])).documents)
            self._note(report, await self._models.settled([one.name]))
            if one.kind is DELIVERIES:
                report.add(await self._deliveries.missing([one]))
                async for count, differences in self._deliveries.compare(only=one.state):
                    self._note(report, Compared({"webhook_deliveries": count}, differences))
        async for count, differences in self._entries.compare(report.position, stream):
            self._note(report, Compared({MODEL: count}, differences))
        return report

    async def _walk(
        self, report: ReplayReport, counted: CountedLog, on_unreadable: OnUnreadable, on_read: Callable[[int], None]
    ) -> AsyncIterator[set[str]]:
        """Fold all streams in batches; give those of each whose documents differ at first sight."""
        hashed, batch = StateHash(), list[FoldedStream]()

        def skip(found: UnreadableCommit) -> None:
            counted.skip(found)
            on_unreadable(found)

        async for one in self._replay.streams(report.position, skip, on_read):
            if one.digest is not None:
                hashed.add(one.folded.name, one.digest)
            if one.folded.kind is GENERATION:
                counted.add(one.folded.state)
            batch.append(one.folded)
            if len(batch) == _BATCH or sum(part.version for part in batch) > _BATCH_EVENTS:
                yield await self._compare(batch, report)
                batch = []
        yield await self._compare(batch, report)
        report.state_hash = hashed.hexdigest()

    async def _compare(self, batch: Sequence[FoldedStream], report: ReplayReport) -> set[str]:
        report.read(batch)
        compared = await self._models.compare(batch)
        report.compared += Counter(compared.documents)
        report.add(await self._deliveries.missing([one for one in batch if one.kind is DELIVERIES]))
        return {one.stream for one in compared.differences if one.stream}

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
