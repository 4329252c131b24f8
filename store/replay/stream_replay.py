import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final

from domain.audit.canonical_state import state_digest
from domain.audit.stream_kinds import StreamKind, kind_of
from events.commit import Commit
from store.commits.contract import EventStore
from store.commits.stream_range import WHOLE, StreamRange
from store.commits.stream_walk import FoldedStream, StreamWalk
from store.commits.unreadable import OnUnreadable, UnreadableCommit
from store.replay.sealed_prefix import SealedPrefix

_AT_ONCE: Final = 200

Read = Commit | UnreadableCommit


@dataclass(frozen=True, slots=True)
class ReplayedStream:
    """A stream as it is now, and the digest of its state as of a sealed position; None: it had no commit there."""

    folded: FoldedStream
    digest: bytes | None


class StreamReplay:
    """Fold every stream in the order of their names, in constant memory.

    commits_at_once: folding and hashing 200 keeps the event loop busy for some ten milliseconds; a process that does
    nothing else asks less often for the positions of more.
    """

    def __init__(self, events: EventStore, sealed_prefix: SealedPrefix, *, commits_at_once: int = _AT_ONCE) -> None:
        self._events = events
        self._prefix = sealed_prefix
        self._at_once = commits_at_once

    async def streams(
        self, last: int, on_unreadable: OnUnreadable, on_read: Callable[[int], None], within: StreamRange = WHOLE
    ) -> AsyncIterator[ReplayedStream]:
        """Read a range of the log; `on_read` gets the number of commits read so far.

        last: the sealed position that digests cover. A stream that cannot be read is given to `on_unreadable`.
        """
        walk, ends, count = StreamWalk(_kind_of, on_unreadable), _Ends(), 0
        async for some in self._batches(within):
            sealed = await self._prefix.within([one.id for one in some], last)
            for one in some:
                if isinstance(one, UnreadableCommit):
                    walk.skip(one)
                    continue
                if (finished := walk.end_before(one)) is not None:
                    yield ReplayedStream(finished, ends.digest(finished))
                if one.id not in sealed:
                    ends.note(one.stream, walk.open)  # before its state changes in place
                walk.add(one)
            count += len(some)
            on_read(count)
            await asyncio.sleep(0)
        if (finished := walk.end()) is not None:
            yield ReplayedStream(finished, ends.digest(finished))

    async def _batches(self, within: StreamRange) -> AsyncIterator[list[Read]]:
        """Read commits and what cannot be read, in their order."""
        batch: list[Read] = []
        async for commit in self._events.commits(batch.append, within=within):
            batch.append(commit)
            if len(batch) >= self._at_once:
                yield batch[:]
                batch.clear()
        yield batch


class _Ends:
    """Where the open stream ends in the sealed prefix, unless it lies wholly within."""

    def __init__(self) -> None:
        self._stream = ""
        self._digest: bytes | None = None

    def note(self, stream: str, before: FoldedStream | None) -> None:
        """Note a commit that lies outside; `before` is what was folded of its stream by then."""
        if stream != self._stream:
            self._stream, self._digest = stream, None if before is None else _digest(before)

    def digest(self, finished: FoldedStream) -> bytes | None:
        return self._digest if finished.name == self._stream else _digest(finished)


def _digest(one: FoldedStream) -> bytes:
    return state_digest(one.name, one.version, one.state)


def _kind_of(commit: Commit) -> StreamKind:
    return kind_of(commit.events[0])
