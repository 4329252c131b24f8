from collections.abc import AsyncIterator

from domain.audit.stream_kinds import GENERATION, StreamKind
from domain.generation.fold import fold
from domain.generation.generation import Generation, is_generation, stream_of
from events.commit import Commit
from store.commits.contract import EventStore
from store.commits.stream_walk import StreamWalk
from store.commits.unreadable import OnUnreadable, log_unreadable


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
    walk = StreamWalk(_generation, on_unreadable)
    async for commit in events.commits(walk.skip):
        if (finished := walk.add(commit)) is not None:
            yield finished.state
    if (finished := walk.end()) is not None:
        yield finished.state


def _generation(commit: Commit) -> StreamKind | None:
    return GENERATION if is_generation(commit.stream) else None
