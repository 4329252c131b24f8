"""The subscribers of the sealed log: each handles a page of commits, repeatably.

They compare index fields with what the actors have done, and read the commits of what is missing only.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

from actors.handlers import cancellation, delivery, erasure, quota
from actors.runner import RunActor
from actors.webhooks.delivery_scheduler import DeliveryScheduler
from domain.generation.fold import fold
from domain.generation.generation import id_of, is_generation
from domain.generation.lifecycle import Timeouts
from events.catalogue import CATALOGUE
from events.commit import Commit
from events.envelope import RecordedEvent
from events.generation import GenerationFailed
from events.invocation import DuplicateFound, GenerationStarted, PredictionSettled
from events.owner import CancelRequested
from events.quota import QuotaSettled
from store.commits.contract import EventStore
from store.errors import UnreadableCommitError
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection, rows_of
from store.log.sealed_log import SealedCommit, SealedLog
from store.quota.ledger import Ledger
from store.quota.usage_sums import UsageSums, counts_in, spends, spent_in, sum_key_of

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
        if is_generation(entry.stream):
            newest[id_of(entry.stream)] = entry.last
    versions = await projection.versions(list(newest)) if newest else {}
    behind = [name for name, version in newest.items() if versions.get(name, 0) < version]
    loaded = await asyncio.gather(*map(generations.load, behind))
    await projection.write(await rows_of(list(filter(None, loaded)), personal_data, timeouts))


async def count(
    entries: Sequence[SealedCommit], *, usage_sums: UsageSums, events: EventStore, sealed_log: SealedLog
) -> None:
    """Add generations that began or ended, and costs, to the sums of usage; their first commits name the sums."""
    streams, spending = {entry.stream for entry in _of(entries, "usage")}, [one for one in entries if spends(one)]
    firsts, costs = await asyncio.gather(
        events.following(dict.fromkeys(streams, 0)), sealed_log.commits(spending) if spending else _no_commits()
    )
    begun = [fold(commit.events) for commit in firsts]
    keys = {one.id: sum_key_of(one) for one in begun if one is not None}
    if len(costs) < len(spending):
        raise UnreadableCommitError(f"{len(spending) - len(costs)} of {len(spending)} commits")
    await usage_sums.add(counts_in(entries, keys, spent_in(costs)))


async def settle(
    entries: Sequence[SealedCommit],
    *,
    events: EventStore,
    ledger: Ledger,
    sealed_log: SealedLog,
    run_actor: RunActor,
) -> None:
    """Settle the quota of final generations that are not settled in the log, or still hold a slot."""
    final = _of(entries, "settlement")
    if not final:
        return
    types, held = await asyncio.gather(
        events.types([entry.stream for entry in final]),
        ledger.held([(entry.developer or "", id_of(entry.stream)) for entry in final]),
    )
    open_ones = [e for e in final if QuotaSettled.type not in types[e.stream] or id_of(e.stream) in held]
    await _run("settlement", quota.NAME, open_ones, sealed_log, run_actor)


async def erase(entries: Sequence[SealedCommit], *, sealed_log: SealedLog, run_actor: RunActor) -> None:
    """Delete the data of generations that were erased."""
    await _run("erasure", erasure.NAME, _of(entries, "erasure"), sealed_log, run_actor)


async def cancel(
    entries: Sequence[SealedCommit], *, events: EventStore, sealed_log: SealedLog, run_actor: RunActor
) -> None:
    """Cancel predictions that are not wanted any more."""
    found = _of(entries, "cancellation")
    types = await events.types([entry.stream for entry in found]) if found else {}
    unwanted = [e for e in found if DuplicateFound.type in e.types or _runs_in_vain(types[e.stream])]
    await _run("cancellation", cancellation.NAME, unwanted, sealed_log, run_actor)


async def deliver(
    entries: Sequence[SealedCommit],
    *,
    delivery_scheduler: DeliveryScheduler,
    sealed_log: SealedLog,
    run_actor: RunActor,
) -> None:
    """Schedule missing webhooks, once for each stream, and keep the rows of endpoints."""
    last = {entry.stream: entry for entry in _of(entries, "delivery")}
    generations = [entry for entry in last.values() if is_generation(entry.stream)]
    lacking = await delivery_scheduler.lacking(
        {id_of(e.stream): e.project for e in generations if e.project is not None}
    )
    wanted = [e for e in last.values() if not is_generation(e.stream) or id_of(e.stream) in lacking]
    await _run("delivery", delivery.NAME, wanted, sealed_log, run_actor)


SUBSCRIBERS: dict[str, Callable[..., Awaitable[None]]] = {
    "projector": project,
    "usage": count,
    "settlement": settle,
    "erasure": erase,
    "cancellation": cancel,
    "delivery": deliver,
}


def _of(entries: Sequence[SealedCommit], subscriber: str) -> list[SealedCommit]:
    """List the commits with an event that the catalogue assigns to a subscriber."""
    types = CATALOGUE.subscribers[subscriber]
    return [entry for entry in entries if not types.isdisjoint(entry.types)]


def _runs_in_vain(types: Collection[str]) -> bool:
    """Tell whether a prediction may run whose generation has failed or is to be canceled."""
    unwanted = GenerationFailed.type in types or CancelRequested.type in types
    return unwanted and GenerationStarted.type in types and PredictionSettled.type not in types


async def _no_commits() -> Sequence[Commit]:
    return ()


async def _run(
    subscriber: str, queue: str, entries: Sequence[SealedCommit], sealed_log: SealedLog, run_actor: RunActor
) -> None:
    """Run an actor on a subscriber's events, some at a time; then raise what the first failing one raised."""
    types = CATALOGUE.subscribers[subscriber]
    commits = await sealed_log.commits(entries) if entries else []
    if len(commits) < len(entries):
        raise UnreadableCommitError(f"{len(entries) - len(commits)} of {len(entries)} commits")
    limit = asyncio.Semaphore(_AT_ONCE)

    async def run(event: RecordedEvent) -> None:
        async with limit:
            await run_actor(queue, event)

    events = [event for commit in commits for event in commit.events if event.type in types]
    outcomes = await asyncio.gather(*map(run, events), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
