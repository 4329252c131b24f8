from collections import OrderedDict

from events.commit import Commit

CAPACITY = 4096


class StreamHeads:
    """The last versions of streams, so that an append need not read the predecessor of its commit.

    Commits are never changed or deleted: what ended with version n once may be continued with n + 1 for
    good. The `capacity` most recently used streams are kept.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._heads: OrderedDict[str, int] = OrderedDict()

    def note(self, commit: Commit) -> None:
        """Remember that a commit is stored."""
        self._heads[commit.stream] = commit.last
        self._heads.move_to_end(commit.stream)
        if len(self._heads) > self._capacity:
            self._heads.popitem(last=False)

    def has(self, stream: str, version: int) -> bool:
        """Tell whether a commit that ends with this version was seen; False proves nothing."""
        return self._heads.get(stream) == version
