import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final

from domain.audit.stream_kinds import GENERATION, StreamKind
from domain.generation.fold import fold
from domain.generation.generation import Generation, is_generation, stream_of
from events.commit import Commit
from store.commits.contract import EventStore
from store.commits.stream_walk import StreamWalk
from store.commits.unreadable import UNREADABLE, OnUnreadable, log_unreadable

_AT_ONCE: Final = 200


async def load_generation(events: EventStore, generation_id: str) -> Generation | None:
    """Fold one generation's stream, without a cache."""
    commits = await events.read(stream_of(generation_id))
    return fold(event for commit in commits for event in commit.events)


async def load_generations(events: EventStore, generation_ids: Sequence[str]) -> dict[str, Generation] | None:
    """Fold many generations, batch by batch, without a cache; None when one of them cannot be read.

    Those without a stream are left out.
    """
    folded = dict[str, Generation]()
    for start in range(0, len(generation_ids), _AT_ONCE):
        streams = {stream_of(one): 0 for one in generation_ids[start : start + _AT_ONCE]}
        for commits in (await events.since(streams)).values():
            try:
                if isinstance(commits, Exception):
                    return None
                generation = fold(event for commit in commits for event in commit.events)
            except UNREADABLE:
                return None
            if generation is not None:
                folded[generation.id] = generation
        await asyncio.sleep(0)
    return folded


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
