from collections.abc import AsyncIterator

from domain.generation.fold import fold
from domain.generation.generation import Generation, id_of, stream_of
from store.commits.contract import EventStore


async def load_generation(events: EventStore, generation_id: str) -> Generation | None:
    """Fold one generation's stream, without a cache."""
    commits = await events.read(stream_of(generation_id))
    return fold(event for commit in commits for event in commit.events)


async def every_generation(events: EventStore) -> AsyncIterator[Generation]:
    """Fold the stream of each generation; the event store reads stream by stream."""
    generation: Generation | None = None
    async for commit in events.commits():
        if not commit.stream.startswith(stream_of("")):
            continue
        if generation is not None and generation.id != id_of(commit.stream):
            yield generation
            generation = None
        generation = fold(commit.events, generation)
    if generation is not None:
        yield generation
