from collections import OrderedDict
from collections.abc import Sequence

from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from events.commit import Commit
from events.envelope import RecordedEvent

CAPACITY = 1024


class SnapshotCache:
    """Fold streams from the cached snapshot on.

    A snapshot stays valid, because a stream only grows; the `capacity` most recently used are kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._snapshots: OrderedDict[str, Generation] = OrderedDict()

    def get(self, stream: str) -> Generation | None:
        """Return the last fold of a stream, which may be behind the log."""
        found = self._snapshots.get(stream)
        if found is not None:
            self._snapshots.move_to_end(stream)
        return found

    def extend(self, generation: Generation | None, commits: Sequence[Commit]) -> Generation | None:
        """Apply the commits that follow a snapshot (None: all of the stream), which may start before its version."""
        version = generation.version if generation is not None else 0
        extended = fold((event for one in commits for event in one.events if event.version > version), generation)
        if extended is None:
            return None
        stream = stream_of(extended.id)
        kept = self._snapshots.pop(stream, None)
        self._keep(stream, kept if kept is not None and kept.version > extended.version else extended)
        return extended

    def fold(self, events: Sequence[RecordedEvent]) -> Generation | None:
        """Fold the events of one stream, all of them and in order; None for none."""
        if not events:
            return None
        cached = self._snapshots.pop(events[0].stream, None)
        if cached is not None and cached.version > events[-1].version:
            cached = None
        return self._keep(events[0].stream, fold(events[cached.version if cached else 0 :], cached))

    def advance(self, commit: Commit) -> Generation | None:
        """Apply a stored commit to the snapshot right before it; None where that is not cached."""
        cached = self._snapshots.get(commit.stream)
        if (cached.version if cached else 0) + 1 != commit.first:
            return None
        return self._keep(commit.stream, fold(commit.events, self._snapshots.pop(commit.stream, None)))

    def _keep(self, stream: str, generation: Generation | None) -> Generation | None:
        if generation is not None:
            self._snapshots[stream] = generation
        if len(self._snapshots) > self._capacity:
            self._snapshots.popitem(last=False)
        return generation
