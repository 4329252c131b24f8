import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from domain.audit.stream_kinds import GENERATION, StreamKind, kind_of
from events.commit import Commit
from store.commits.contract import EventStore
from store.commits.stream_walk import FoldedStream, StreamWalk
from store.commits.unreadable import UNREADABLE, OnUnreadable, UnreadableCommit, log_unreadable, reason_of
from store.replay.account_documents import AccountDocuments, StaffDocuments
from store.replay.control_document import ControlDocument
from store.replay.endpoint_rows import EndpointRows
from store.replay.generation_rows import ROWS, GenerationRows
from store.replay.read_model import MALFORMED, Compared, Difference, ReadModel, incomparable

_BATCH: Final = 500
_ATTEMPTS: Final = 4


class StreamModels:
    """The read models that are derived stream by stream.

    The system may go on meanwhile: what differs at first is compared again, up to four times, each with the stream
    read before and after; `pause` is awaited in between.
    """

    def __init__(
        self,
        events: EventStore,
        *,
        generation_rows: GenerationRows,
        account_documents: AccountDocuments,
        staff_documents: StaffDocuments,
        control_document: ControlDocument,
        endpoint_rows: EndpointRows,
        pause: Callable[[], Awaitable[None]] = lambda: asyncio.sleep(0.6),
    ) -> None:
        self._events = events
        models: Sequence[ReadModel] = (
            generation_rows,
            account_documents,
            staff_documents,
            control_document,
            endpoint_rows,
        )
        self._models: Mapping[str, ReadModel] = {kind: model for model in models for kind in model.kinds}
        self._pause = pause

    async def compare(self, streams: Sequence[FoldedStream]) -> Compared:
        """Compare streams of any kinds once; what differs may merely have moved on."""
        by_kind, compared = defaultdict[str, list[FoldedStream]](list), Compared()
        for one in streams:
            by_kind[one.kind.name].append(one)
        for kind, some in by_kind.items():
            if (model := self._models.get(kind)) is not None:
                found = await _compared(model, some)
                compared.documents = dict(Counter(compared.documents) + Counter(found.documents))
                compared.differences += found.differences
        return compared

    async def settled(self, streams: Collection[str], late_since: Callable[[], datetime] | None = None) -> Compared:
        """Compare streams until nothing differs, or a difference outlives all comparisons.

        Left out are rows that are behind a generation that has moved after `late_since`. Streams that moved on during
        the last comparison are named.
        """
        found, moved = list[Difference](), set[str]()
        for attempt in range(_ATTEMPTS):
            if attempt:
                await self._pause()
            found, moved = await self._anew(streams)
            streams = {*moved, *(one.stream for one in found if one.stream)}
            if not streams:
                break
        found = found if late_since is None else await self._overdue(found, late_since())
        return Compared({}, found, sorted(moved))

    async def _overdue(self, found: Sequence[Difference], late_since: datetime) -> list[Difference]:
        """Leave out rows that are merely late."""
        behind = {one.stream for one in found if one.stream and _is_behind(one)}
        late = {
            one.name for one in await self.load(behind) if one.kind is GENERATION and one.state.updated_at > late_since
        }
        return [one for one in found if one.model != ROWS or one.stream not in late]

    async def load(self, streams: Collection[str], on_unreadable: OnUnreadable = log_unreadable) -> list[FoldedStream]:
        """Fold some streams, those that have events; what cannot be read is given to `on_unreadable` and left out."""
        read = await self._events.since(dict.fromkeys(streams, 0))
        walk, folded = StreamWalk(_kind_of, on_unreadable), list[FoldedStream | None]()
        for name in sorted(read):
            if isinstance(commits := read[name], Exception):
                walk.skip(await self._fault(name))
            else:
                folded += map(walk.add, commits)
        return [one for one in (*folded, walk.end()) if one is not None]

    async def _fault(self, stream: str) -> UnreadableCommit:
        """Find the first commit of a stream that cannot be read."""
        version = 0
        try:
            while commits := await self._events.following({stream: version}):
                version = commits[0].last
        except UNREADABLE as error:
            return UnreadableCommit(stream, version + 1, reason_of(error))
        return UnreadableCommit(stream, version + 1, "it is missing")

    async def without_stream(self, documents: Mapping[str, int]) -> list[Difference]:
        """Find documents that no stream leads to, where more exist than `documents` of their model were compared."""
        found: list[Difference] = []
        for model in {id(one): one for one in self._models.values()}.values():
            try:
                counted = await model.count()
                if any(count > documents.get(name, 0) for name, count in counted.items()):
                    found += await self._strangers(model)
            except MALFORMED as error:
                found.append(incomparable(min(model.kinds), "*", error))
        return found

    async def _anew(self, streams: Collection[str]) -> tuple[list[Difference], set[str]]:
        """Compare streams; name those that moved on in the meantime, whose differences are left out."""
        found, moved = list[Difference](), set[str]()
        for some in _batches(sorted(streams)):
            folded = await self.load(some)
            differences = (await self.compare(folded)).differences
            again = {
                one.name: one.version for one in await self.load({one.stream for one in differences if one.stream})
            }
            moved |= {one.name for one in folded if again.get(one.name, one.version) != one.version}
            found += [one for one in differences if one.stream not in moved]
        return found, moved

    async def _strangers(self, model: ReadModel) -> list[Difference]:
        found, batch = list[Difference](), list[tuple[str, str, str]]()
        async for owned in model.owners():
            batch.append(owned)
            if len(batch) == _BATCH:
                found += await self._without(batch)
                batch = []
        return [*found, *await self._without(batch)]

    async def _without(self, owned: Sequence[tuple[str, str, str]]) -> list[Difference]:
        existing = await self._events.types(sorted({stream for _, _, stream in owned}))
        return [
            Difference(name, key, "_id", None, key, stream) for name, key, stream in owned if stream not in existing
        ]


async def _compared(model: ReadModel, streams: Sequence[FoldedStream]) -> Compared:
    """Compare streams of a model; a malformed document is named with its stream, and the others are compared."""
    try:
        return await model.compare(streams)
    except MALFORMED as error:
        if len(streams) == 1:
            [one] = streams
            return Compared({}, [incomparable(one.kind.name, one.name, error, one.name)])
    middle, compared = len(streams) // 2, Compared()
    for half in (streams[:middle], streams[middle:]):
        found = await _compared(model, half)
        compared.documents = dict(Counter(compared.documents) + Counter(found.documents))
        compared.differences += found.differences
    return compared


def _is_behind(one: Difference) -> bool:
    """Tell whether a row is missing, or of an earlier version of its stream."""
    if one.model != ROWS:
        return False
    if one.field == "_id":
        return one.stored is None
    return one.field == "version" and isinstance(one.stored, int) and one.stored < one.log


def _kind_of(commit: Commit) -> StreamKind:
    return kind_of(commit.events[0])


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _BATCH] for start in range(0, len(names), _BATCH))
