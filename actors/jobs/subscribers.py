"""What the followers of the sealed order do with a page of it; all of it is repeatable."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence

from actors.handlers import cancellation, delivery, erasure, quota
from actors.hands import Handler, bound_ids
from actors.jobs.desk import Desk, SealedEntry
from domain.accounts import platform
from domain.accounts.developer import developer_of
from domain.generation.generation import id_of
from events.catalogue import CATALOGUE
from events.envelope import RecordedEvent
from store.generations.projection import rows_of

Subscriber = Callable[[Desk, Sequence[SealedEntry]], Awaitable[None]]

_AT_ONCE = 16


async def project(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Write the rows that are behind the log."""
    newest: dict[str, int] = {}
    for entry in entries:
        if entry.commit.stream.startswith("generation-"):
            newest[id_of(entry.commit.stream)] = entry.commit.last
    versions = await desk.hands.projection.versions(list(newest))
    behind = [name for name, version in newest.items() if versions.get(name, 0) < version]
    generations = await asyncio.gather(*map(desk.hands.generations.load, behind))
    rows = await rows_of(list(filter(None, generations)), desk.hands.personal_data, desk.hands.timeouts)
    await desk.hands.projection.write(rows)


async def settle(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Settle the quota of what became final."""
    await _hand(quota.NAME, quota.handle, _of(entries, "settlement"), desk)


async def erase(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Delete the words and pictures of what was erased."""
    await _hand(erasure.NAME, erasure.handle, _of(entries, "erasure"), desk)


async def cancel(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """End upstream what nobody waits for any more."""
    await _hand(cancellation.NAME, cancellation.handle, _of(entries, "cancellation"), desk)


async def deliver(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Schedule the webhooks of what its owner may see, and keep the rows of endpoints."""
    last = {event.stream: event for event in _of(entries, "delivery")}
    await _hand(delivery.NAME, delivery.handle, last.values(), desk)


async def complete_accounts(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Write what became of developers into the documents of their accounts."""
    for developer in filter(None, {developer_of(entry.commit.stream) for entry in entries}):
        await desk.accounts.follow(developer)
    if any(entry.commit.stream == platform.STREAM for entry in entries):
        await desk.accounts.follow_platform()


SUBSCRIBERS: dict[str, Subscriber] = {
    "projector": project,
    "settlement": settle,
    "erasure": erase,
    "cancellation": cancel,
    "delivery": deliver,
    "accounts": complete_accounts,
}


def _of(entries: Sequence[SealedEntry], subscriber: str) -> list[RecordedEvent]:
    """List the events that the catalogue assigns to a subscriber."""
    types = CATALOGUE.subscribers[subscriber]
    return [event for entry in entries for event in entry.commit.events if event.type in types]


async def _hand(queue: str, handler: Handler, events: Iterable[RecordedEvent], desk: Desk) -> None:
    """Hand over events, some at a time; when all are done, raise what the first failing one raised."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(event: RecordedEvent) -> None:
        async with gate:
            with bound_ids(queue, event):
                await handler(event, hands=desk.hands)

    outcomes = await asyncio.gather(*map(one, events), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
