from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from domain.generation.generation import is_generation
from store.commits.contract import EventStore
from store.commits.unreadable import OnUnreadable, UnreadableCommit, log_unreadable
from store.log.parking import Parking
from store.log.sealed_log import SealedLog
from store.log.subscriptions import SubscriberCheckpoints
from store.mongo.connection import Document
from store.quota.ledger import Ledger
from store.quota.recount import LogTallies, Recount
from store.quota.usage import Usage
from store.quota.usage_recount import WrongSum, wrong_sums
from store.quota.usage_sums import MEMBERS, UsageSums
from store.replay.read_model import MALFORMED, Compared, Difference, differences_of, incomparable

OnPosition = Callable[[int], Awaitable[None]]


async def _ignored(_: int) -> None:
    """Go on at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeLogModels:
    """The read models that sum over many streams: the quota ledger, and the sums of usage."""

    events: EventStore
    ledger: Ledger
    usage: Usage
    clock: Callable[[], datetime]
    sealed_log: SealedLog
    subscriptions: SubscriberCheckpoints
    parking: Parking
    usage_sums: UsageSums

    def begin(self) -> "CountedLog":
        """Begin to count; the log is read after this."""
        recount = Recount(self.events, self.ledger, self.usage.admitted, self.clock)
        return CountedLog(recount, recount.begin())

    async def compare(
        self,
        counted: "CountedLog",
        on_unreadable: OnUnreadable = log_unreadable,
        on_position: OnPosition = _ignored,
    ) -> Compared:
        """Compare the ledger with what was counted, and the sums of usage with the sealed log, which is read here.

        on_position: is awaited with how far it is read, and with 0 for each developer in the ledger.
        """
        ledger = await self._ledger(counted, partial(on_position, 0))
        try:
            sums, usage = await self._usage(on_unreadable, on_position)
        except MALFORMED as error:
            sums, usage = 0, [incomparable("usage", "*", error)]
        return Compared({**ledger.documents, "usage": sums}, [*ledger.differences, *usage], ledger.moving)

    async def _ledger(self, counted: "CountedLog", rest: Callable[[], Awaitable[None]]) -> Compared:
        try:
            report = await counted.recount.compare(counted.tallies, rest=rest)
        except MALFORMED as error:
            return Compared({"ledger": 0}, [incomparable("ledger", "*", error)])
        differences = [
            Difference("ledger", one.developer, f"{one.kind} {one.subject}", one.log, one.ledger)
            for one in report.differences
        ]
        return Compared({"ledger": report.developers}, differences, [f"ledger {name}" for name in report.moving])

    async def _usage(self, on_unreadable: OnUnreadable, on_position: OnPosition) -> tuple[int, list[Difference]]:
        """Compare the sums; a sum that differs twice, at two positions that may differ, was not merely moving."""
        sums, first = await self._wrong_sums(on_unreadable, on_position)
        if not first:
            return sums, []
        wrong = {one.wanted["_id"] for one in first}
        again = (await self._wrong_sums(on_unreadable, on_position))[1]
        return sums, [
            found
            for one in again
            if one.wanted["_id"] in wrong
            for found in differences_of("usage", one.wanted["_id"], *_counts(one))
        ]

    async def _wrong_sums(self, on_unreadable: OnUnreadable, on_position: OnPosition) -> tuple[int, list[WrongSum]]:
        logs = self.sealed_log, self.subscriptions, self.parking
        return await wrong_sums(*logs, self.usage_sums, on_unreadable=on_unreadable, on_position=on_position)


@dataclass(frozen=True, slots=True)
class CountedLog:
    """The generations of a log that is being read."""

    recount: Recount
    tallies: LogTallies

    @property
    def since(self) -> datetime:
        return self.tallies.since

    def add(self, counted: LogTallies) -> None:
        """Add what was counted of some streams."""
        self.tallies.merge(counted)

    def skip(self, found: UnreadableCommit) -> None:
        """Set the developer of a generation aside that cannot be read."""
        if is_generation(found.stream):
            self.tallies.unreadable.append(found)


def _counts(one: WrongSum) -> tuple[Document, Document | None]:
    """Choose the members that are counted."""
    wanted = {name: one.wanted[name] for name in MEMBERS}
    return wanted, None if one.stored is None else {name: one.stored.get(name) for name in wanted}
