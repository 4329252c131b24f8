"""Fold streams one after the other, as the event store reads them, in constant memory."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from domain.audit.stream_kinds import StreamKind
from events.commit import Commit
from store.commits.unreadable import UNREADABLE, OnUnreadable, UnreadableCommit, reason_of


@dataclass(slots=True)
class FoldedStream:
    """A stream, and its state at its last version; it changes in place until it was read whole."""

    name: str
    kind: StreamKind
    state: Any
    version: int


class StreamWalk:
    """Fold the commits of all streams, given stream by stream and each in its own order.

    `kind_of` tells the kind of a commit's stream: None leaves it out, ValueError makes it unreadable. A stream that
    cannot be read or folded is left out; its first fault is given to `on_unreadable`.
    """

    def __init__(self, kind_of: Callable[[Commit], StreamKind | None], on_unreadable: OnUnreadable) -> None:
        self._kind_of = kind_of
        self._on_unreadable = on_unreadable
        self._skipped: set[str] = set()
        self.open: FoldedStream | None = None

    def add(self, commit: Commit) -> FoldedStream | None:
        """Fold the next commit; return as `end_before`."""
        finished = self.end_before(commit)
        if commit.stream not in self._skipped:
            try:
                self.open = self._folded(commit)
            except UNREADABLE as error:
                self.skip(UnreadableCommit(commit.stream, commit.first, reason_of(error)))
        return finished

    def end_before(self, commit: Commit) -> FoldedStream | None:
        """End the stream before that of the next commit; None when it goes on, or was not read whole."""
        return None if self.open is not None and self.open.name == commit.stream else self.end()

    def end(self) -> FoldedStream | None:
        """End the last stream; None when there is none, or it was not read whole."""
        finished, self.open = self.open, None
        return None if finished is None or finished.name in self._skipped else finished

    def skip(self, found: UnreadableCommit) -> None:
        """Give up a stream, named once."""
        if found.stream in self._skipped:
            return
        self._skipped.add(found.stream)
        if self.open is not None and self.open.name == found.stream:
            developer = self.open.kind.developer_in(self.open.state)
            found = replace(found, developer=developer or found.developer)
        self._on_unreadable(found)

    def _folded(self, commit: Commit) -> FoldedStream | None:
        folded = self.open
        if folded is None:
            if (kind := self._kind_of(commit)) is None:
                return None
            folded = FoldedStream(commit.stream, kind, None, 0)
        if commit.first != folded.version + 1:
            self.skip(UnreadableCommit(commit.stream, folded.version + 1, "it is missing"))
            return self.open
        state, evolve = folded.state, folded.kind.evolve
        for recorded in commit.events:
            state = evolve(state, recorded)
        folded.state, folded.version = state, commit.last
        return folded
