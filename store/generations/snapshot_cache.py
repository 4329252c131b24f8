from collections import OrderedDict
from collections.abc import Sequence

from domain.generation.fold import fold
from domain.generation.generation import Generation
from events.commit import Commit

CAPACITY = 1024


class SnapshotCache:
    """Fold streams from the cached snapshot on.

    A snapshot stays valid, because a stream only grows; the `capacity` most recently used are kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._snapshots: OrderedDict[str, Generation] = OrderedDict()

    def fold(self, commits: Sequence[Commit]) -> Generation | None:
        """Fold the commits of one stream, all of them and in order; None for none."""
        if not commits:
            return None
        stream, last = commits[0].stream, commits[-1].last
        cached = self._snapshots.get(stream)
        if cached is not None and cached.version > last:
            cached = None
        seen = cached.version if cached else 0
        new = (
            event
            for commit in commits
            if commit.last > seen
            for event in commit.events
            if event.version > seen
        )
        generation = fold(new, cached)
        if generation is not None:
            self._put(stream, generation)
        return generation

    def _put(self, stream: str, generation: Generation) -> None:
        self._snapshots[stream] = generation
        self._snapshots.move_to_end(stream)
        if len(self._snapshots) > self._capacity:
            self._snapshots.popitem(last=False)
