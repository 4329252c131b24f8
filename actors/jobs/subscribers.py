"""The subscribers of the sealed log: each handles a page of commits, repeatably."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from actors.handlers import cancellation, delivery, erasure, quota
from actors.runner import RunActor
from domain.generation.generation import id_of, is_generation
from domain.generation.lifecycle import Timeouts
from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of
from store.log.sealed_log import SealedCommit
from store.quota.usage_sums import UsageSums, counts_in, sum_key_of

_AT_ONCE = 16


async def project(
    entries: Sequence[SealedCommit],
    *,
    projection: Projection,
    generations: Generations,
    personal_data: PersonalDataStore,
    timeouts: Timeouts,
) -> None:
    """Write the rows of generations that are behind the log."""
    newest: dict[str, int] = {}
    for entry in entries:
        if is_generation(entry.commit.stream):
            newest[id_of(entry.commit.stream)] = entry.commit.last
    versions = await projection.versions(list(newest))
    behind = [name for name, version in newest.items() if versions.get(name, 0) < version]
    loaded = await asyncio.gather(*map(generations.load, behind))
    await projection.write(await rows_of(list(filter(None, loaded)), personal_data, timeouts))


async def count(entries: Sequence[SealedCommit], *, usage_sums: UsageSums, generations: Generations) -> None:
    """Add the generations that began or ended to the sums of usage."""
    ids = {id_of(entry.commit.stream): None for entry in entries if _types(entry) & CATALOGUE.subscribers["usage"]}
    found = await generations.read_all(list(ids))
    await usage_sums.add(counts_in(entries, {one.id: sum_key_of(one) for one in found}))


async def settle(entries: Sequence[SealedCommit], *, run_actor: RunActor) -> None:
    """Settle the quota of generations that became final."""
    await _run(quota.NAME, _of(entries, "settlement"), run_actor)


async def erase(entries: Sequence[SealedCommit], *, run_actor: RunActor) -> None:
    """Delete the data of generations that were erased."""
    await _run(erasure.NAME, _of(entries, "erasure"), run_actor)


async def cancel(entries: Sequence[SealedCommit], *, run_actor: RunActor) -> None:
    """Cancel predictions that are not wanted any more."""
    await _run(cancellation.NAME, _of(entries, "cancellation"), run_actor)


async def deliver(entries: Sequence[SealedCommit], *, run_actor: RunActor) -> None:
    """Schedule webhooks, once for each stream, and keep the rows of endpoints."""
    last = {event.stream: event for event in _of(entries, "delivery")}
    await _run(delivery.NAME, last.values(), run_actor)


SUBSCRIBERS: dict[str, Callable[..., Awaitable[None]]] = {
    "projector": project,
    "usage": count,
    "settlement": settle,
    "erasure": erase,
    "cancellation": cancel,
    "delivery": deliver,
}


def _types(entry: SealedCommit) -> frozenset[str]:
    return frozenset(event.type for event in entry.commit.events)


def _of(entries: Sequence[SealedCommit], subscriber: str) -> list[RecordedEvent]:
    """List the events that the catalogue assigns to a subscriber."""
    types = CATALOGUE.subscribers[subscriber]
    return [event for entry in entries for event in entry.commit.events if event.type in types]


async def _run(queue: str, events: Iterable[RecordedEvent], run_actor: RunActor) -> None:
    """Run an actor on events, some at a time; when all are done, raise what the first failing one raised."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def run(event: RecordedEvent) -> None:
        async with limit:
            await run_actor(queue, event)

    outcomes = await asyncio.gather(*map(run, events), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
