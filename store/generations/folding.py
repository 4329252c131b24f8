from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from domain.generation.fold import fold
from domain.generation.generation import Generation, is_generation, stream_of
from events.commit import Commit
from store.commits.contract import EventStore
from store.commits.unreadable import UNREADABLE, OnUnreadable, UnreadableCommit, log_unreadable


async def load_generation(events: EventStore, generation_id: str) -> Generation | None:
    """Fold one generation's stream, without a cache."""
    commits = await events.read(stream_of(generation_id))
    return fold(event for commit in commits for event in commit.events)


async def every_generation(
    events: EventStore, on_unreadable: OnUnreadable = log_unreadable
) -> AsyncIterator[Generation]:
    """Fold the stream of each generation; the event store reads stream by stream.

    A stream that cannot be read or folded is left out; its first fault is given to `on_unreadable`.
    """
    walk = _Walk(on_unreadable)
    async for commit in events.commits(walk.skip):
        if is_generation(commit.stream):
            if (folded := walk.begin(commit.stream)) is not None:
                yield folded
            walk.add(commit)
    if (folded := walk.begin("")) is not None:
        yield folded


@dataclass
class _Walk:
    """The generation that is being folded, and the streams that were given up."""

    on_unreadable: OnUnreadable
    generation: Generation | None = None
    skipped: set[str] = field(default_factory=set)

    def begin(self, stream: str) -> Generation | None:
        """Begin a stream; return the generation of the one before it, if that ends here and was read whole."""
        before = self.generation
        if before is None or stream_of(before.id) == stream:
            return None
        self.generation = None
        return None if stream_of(before.id) in self.skipped else before

    def add(self, commit: Commit) -> None:
        version = 1 if self.generation is None else self.generation.version + 1
        if commit.stream in self.skipped:
            return
        if commit.first != version:
            self.skip(UnreadableCommit(commit.stream, version, "it is missing"))
            return
        try:
            self.generation = fold(commit.events, self.generation)
        except UNREADABLE as error:
            self.skip(UnreadableCommit(commit.stream, commit.first, f"{type(error).__name__}: {error}"))

    def skip(self, found: UnreadableCommit) -> None:
        """Give up a stream, named once."""
        if found.stream in self.skipped:
            return
        self.skipped.add(found.stream)
        known = self.generation
        if known is not None and stream_of(known.id) == found.stream:
            found = replace(found, developer=known.request.owner.developer)
        self.on_unreadable(found)
