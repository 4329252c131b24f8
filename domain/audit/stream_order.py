"""Check the order of one stream, commit by commit: its versions, and its positions in the sealed log."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.audit.invariants import Found, Invariant, Violation
from events.envelope import RecordedEvent


@dataclass(frozen=True, slots=True)
class StoredCommit:
    """A commit as it is stored.

    events: none when it cannot be read, which `fault` explains. position: None while it has none; waiting: it is
    marked as not sealed.
    """

    id: str
    first: int
    events: tuple[RecordedEvent, ...]
    position: int | None
    waiting: bool
    fault: str | None = None


@dataclass(slots=True)
class StreamOrder:
    """What was read of a stream; `last` is None behind a commit that cannot be read.

    whole: every version was there and could be read. unsealed: the first commit without a position.
    """

    stream: str
    last: int | None = 0
    position: int = 0
    unsealed: str | None = None
    whole: bool = True

    def add(self, commit: StoredCommit) -> Iterator[Found]:
        """Check the next commit of the stream, by its first version."""
        if self.last is not None and commit.first != self.last + 1:
            self.whole = False
            yield _gap(f"{self.stream}:{self.last + 1}", "is missing")
        if commit.fault is not None:
            self.whole = False
            yield _gap(commit.id, f"cannot be read: {commit.fault}")
        self.last = commit.events[-1].version if commit.events else None
        yield from self._sealed(commit)

    def _sealed(self, commit: StoredCommit) -> Iterator[Found]:
        if commit.position is None:
            self.unsealed = self.unsealed or commit.id
            if not commit.waiting:
                yield _gap(commit.id, "has no position, and no mark that it waits for one")
            return
        if self.unsealed is not None:
            yield _gap(commit.id, f"is sealed at {commit.position}, and {self.unsealed} before it is not")
        elif commit.position <= self.position:
            yield _gap(commit.id, f"is sealed at {commit.position}, before the version that it follows")
        self.position = commit.position


def _gap(name: str, fault: str) -> Found:
    return Invariant.NO_GAP, Violation(name, fault)
