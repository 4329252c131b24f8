from collections import OrderedDict
from collections.abc import Sequence

from domain.generation.generation import Generation, fold
from events.commit import Commit

CAPACITY = 1024


class SnapshotCache:
    """Fold streams, of each only what is new since the last time.

    What was folded stays true, because a stream only grows; whether it has grown is read each time. Of the
    generations used last, `capacity` are kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[str, Generation] = OrderedDict()

    def fold(self, commits: Sequence[Commit]) -> Generation | None:
        """Fold the commits of one stream, all of them and in order; None for none."""
        if not commits:
            return None
        stream, last = commits[0].stream, commits[-1].last
        kept = self._kept.get(stream)
        if kept is not None and kept.version > last:
            kept = None
        seen = kept.version if kept else 0
        new = (
            event
            for commit in commits
            if commit.last > seen
            for event in commit.events
            if event.version > seen
        )
        generation = fold(new, kept)
        if generation is not None:
            self._keep(stream, generation)
        return generation

    def _keep(self, stream: str, generation: Generation) -> None:
        self._kept[stream] = generation
        self._kept.move_to_end(stream)
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
