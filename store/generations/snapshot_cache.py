from collections import OrderedDict
from collections.abc import Sequence

from domain.generation.fold import fold
from domain.generation.generation import Generation
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
        return self._snapshots.get(stream)

    def fold(self, events: Sequence[RecordedEvent]) -> Generation | None:
        """Fold the events of one stream, all of them and in order; None for none."""
        if not events:
            return None
        stream = events[0].stream
        cached = self._snapshots.pop(stream, None)
        if cached is not None and cached.version > events[-1].version:
            cached = None
        generation = fold(events[cached.version if cached else 0 :], cached)
        if generation is not None:
            self._snapshots[stream] = generation
        if len(self._snapshots) > self._capacity:
            self._snapshots.popitem(last=False)
        return generation
