import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.audit.history_judge import judge
from domain.audit.judgement import Answer, Beside, DecisionDifference, Reason, Rules, Verdict
from domain.audit.stream_kinds import StreamKind
from domain.generation.generation import id_of, is_generation
from events.commit import Commit
from events.envelope import RecordedEvent
from events.generation import GenerationRequested
from events.invocation import PredictionSettled
from store.commits.contract import EventStore
from store.commits.stream_walk import FoldedStream, StreamWalk
from store.commits.unreadable import UNREADABLE, OnUnreadable, UnreadableCommit, log_unreadable, reason_of
from store.generations.personal_data import PersonalData, PersonalDataStore

_BATCH: Final = 100
MOST_DIFFERENCES: Final = 10_000
"""A report lists so many and counts the others."""

History = list[RecordedEvent]


@dataclass(slots=True)
class DecisionReport:
    """How many generations would go the same way, would differ, or cannot be decided on.

    not_decidable: by reason; a generation counts once for each of its reasons, `undecided` once in all.
    """

    generations: int = 0
    same: int = 0
    different: int = 0
    undecided: int = 0
    not_decidable: Counter[str] = field(default_factory=Counter)
    differences: list[DecisionDifference] = field(default_factory=list)

    def add(self, verdict: Verdict) -> None:
        self.generations += 1
        if verdict.difference is not None:
            self.different += 1
            self.differences += [verdict.difference][: MOST_DIFFERENCES - len(self.differences)]
        elif verdict.unknown:
            self.undecided += 1
            self.not_decidable.update(verdict.unknown.keys())
        else:
            self.same += 1


class DecisionReplay:
    """Make every recorded decision about generations again, by the rules that are given, in constant memory."""

    def __init__(self, events: EventStore, personal_data: PersonalDataStore) -> None:
        self._events = events
        self._personal_data = personal_data

    async def run(
        self,
        rules: Rules,
        *,
        stream: str | None = None,
        on_unreadable: OnUnreadable = log_unreadable,
        on_read: Callable[[int], None] = lambda _: None,
    ) -> DecisionReport:
        """Judge all generations, or one; a stream that cannot be read is given to `on_unreadable` and left out."""
        report, batch = DecisionReport(), list[FoldedStream]()
        async for one in self._histories(stream, on_unreadable, on_read):
            batch.append(one)
            if len(batch) == _BATCH:
                await self._judge(batch, rules, report, on_unreadable)
                batch = []
        await self._judge(batch, rules, report, on_unreadable)
        return report

    async def _histories(
        self, stream: str | None, on_unreadable: OnUnreadable, on_read: Callable[[int], None]
    ) -> AsyncIterator[FoldedStream]:
        walk, count = StreamWalk(_kind_of, on_unreadable), 0
        async for commit in self._commits(stream, walk.skip):
            if (finished := walk.add(commit)) is not None:
                yield finished
            on_read(count := count + 1)
        if (finished := walk.end()) is not None:
            yield finished

    async def _commits(self, stream: str | None, on_unreadable: OnUnreadable) -> AsyncIterator[Commit]:
        if stream is None:
            async for commit in self._events.commits(on_unreadable):
                yield commit
            return
        try:
            for commit in await self._events.read(stream):
                yield commit
        except UNREADABLE as error:
            on_unreadable(UnreadableCommit(stream, 0, reason_of(error)))

    async def _judge(
        self, streams: Sequence[FoldedStream], rules: Rules, report: DecisionReport, on_unreadable: OnUnreadable
    ) -> None:
        kept = await asyncio.gather(*(self._beside(one.state) for one in streams))
        for one, beside in zip(streams, kept, strict=True):
            try:
                report.add(judge(one.state, beside, rules))
            except UNREADABLE as error:
                on_unreadable(UnreadableCommit(one.name, one.version, reason_of(error)))

    async def _beside(self, history: History) -> Beside | None:
        first = history[0].event
        if not isinstance(first, GenerationRequested):
            return None
        personal_data = await self._personal_data.get(id_of(history[0].stream), first.personal_data)
        return None if personal_data is None else beside_of(personal_data, history)


def beside_of(personal_data: PersonalData, history: Sequence[RecordedEvent]) -> Beside:
    """Choose what decisions of a history need of its personal data."""
    settled = [one.event for one in history if isinstance(one.event, PredictionSettled)]
    answers = {one.prediction: _answer(personal_data, one) for one in settled}
    return Beside(personal_data.instructions, personal_data.salt, answers)


def _answer(personal_data: PersonalData, settled: PredictionSettled) -> Answer | Reason:
    """Return the answer that the log has hashed, or why there is none."""
    if (digest := personal_data.answer_digest(settled.prediction)) is None:
        return "answer_gone"
    if digest != settled.answer:
        return "answer_differs"
    texts = personal_data.provider[settled.prediction]
    return Answer(tuple(texts["outputs"]), texts["error"])


def _collected(history: History | None, recorded: RecordedEvent) -> History:
    return [*(history or ()), recorded]


_HISTORY: Final = StreamKind("generation", _collected)


def _kind_of(commit: Commit) -> StreamKind | None:
    return _HISTORY if is_generation(commit.stream) else None
