"""Fold a whole log, a generation at a time."""

from collections.abc import AsyncIterator

from domain.generation.generation import Generation, fold, id_of, stream_of
from events.commit import Commit
from store.commits.contract import EventStore


async def every_generation(events: EventStore) -> AsyncIterator[Generation]:
    """Fold every generation's stream; the store reads the log stream by stream."""
    generation: Generation | None = None
    async for commit in _of_generations(events):
        if generation is not None and generation.id != id_of(commit.stream):
            yield generation
            generation = None
        generation = fold(commit.events, generation)
    if generation is not None:
        yield generation


async def _of_generations(events: EventStore) -> AsyncIterator[Commit]:
    async for commit in events.commits():
        if commit.stream.startswith(stream_of("")):
            yield commit
