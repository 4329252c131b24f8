"""Followers of the sealed order: a lost message about anything is late, not lost.

A follower's position moves after its work, so a crash repeats work and never skips it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from actors import cancellation, delivery, erasure, quota
from actors.upkeep.desk import Desk, SealedEntry, Stuck
from domain import platform
from domain.developer import developer_of
from domain.generation import id_of
from store.generations.projection import rows_of

_PAGE = 200
_ROUNDS = 120
_UNWANTED = ("generation.cancel_requested", "generation.failed", "generation.duplicate_found")

log = structlog.get_logger()

Follower = Callable[[Desk, Sequence[SealedEntry]], Awaitable[None]]


async def follow(desk: Desk) -> int:
    """Bring every follower to the end of the log; return how many commits were seen.

    Each on its own: one that fails holds up no other.
    """
    return sum(await asyncio.gather(*(_catch_up(name, one, desk) for name, one in FOLLOWERS.items())))


async def _catch_up(name: str, follower: Follower, desk: Desk) -> int:
    seen = 0
    position = await desk.followers.position(name)
    while entries := await desk.log.read(after=position, limit=_PAGE):
        done = await _advance(name, follower, entries, desk)
        if done is None:
            break
        position = done
        await desk.followers.advance(name, position)
        seen += len(entries)
    return seen


async def _advance(name: str, follower: Follower, entries: Sequence[SealedEntry], desk: Desk) -> int | None:
    """Hand over a page, or, when that fails, its commits one by one; return how far it came, if at all."""
    try:
        await follower(desk, entries)
    except Exception as error:  # noqa: BLE001 - the commit at fault is found below
        log.warning("follower failed", follower=name, error=repr(error))
        return await _step_by_step(name, follower, entries, desk)
    return entries[-1].position


async def _step_by_step(
    name: str, follower: Follower, entries: Sequence[SealedEntry], desk: Desk
) -> int | None:
    done = None
    for entry in entries:
        try:
            await follower(desk, [entry])
        except Exception as error:  # noqa: BLE001 - told, and tried again for a while
            if not _gives_up(name, entry, desk):
                return done
            log.critical("commit passed over", follower=name, commit=entry.commit.id, error=repr(error))
        done = entry.position
    return done


def _gives_up(name: str, entry: SealedEntry, desk: Desk) -> bool:
    """Count the rounds at one commit: after that many, everything behind it has waited long enough."""
    before = desk.stuck.get(name)
    rounds = before.rounds + 1 if before and before.position == entry.position else 1
    desk.stuck[name] = Stuck(entry.position, rounds)
    return rounds >= _ROUNDS


async def project(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Write the rows that are behind the log."""
    newest: dict[str, int] = {}
    for entry in entries:
        if entry.commit.stream.startswith("generation-"):
            newest[id_of(entry.commit.stream)] = entry.commit.last
    versions = await desk.hands.projection.versions(list(newest))
    behind = [name for name, version in newest.items() if versions.get(name, 0) < version]
    generations = [await desk.hands.generations.load(name) for name in behind]
    rows = await rows_of(list(filter(None, generations)), desk.hands.words, desk.hands.patience)
    await desk.hands.projection.write(rows)


async def settle(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Settle the quota of what became final."""
    for entry in entries:
        for event in entry.commit.events:
            if event.type in ("generation.completed", "generation.failed"):
                await quota.handle(event, hands=desk.hands)


async def erase(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Delete the words and pictures of what was erased."""
    for entry in entries:
        for event in entry.commit.events:
            if event.type == "generation.erased":
                await erasure.handle(event, hands=desk.hands)


async def deliver(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Schedule the webhooks of what its owner may see, and keep the rows of endpoints."""
    last = {
        event.stream: event
        for entry in entries
        for event in entry.commit.events
        if delivery.concerns(event, desk.hands)
    }
    for event in last.values():
        await delivery.handle(event, hands=desk.hands)


async def complete_accounts(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """Write what became of developers into the documents of their accounts."""
    for developer in filter(None, {developer_of(entry.commit.stream) for entry in entries}):
        await desk.accounts.follow(developer)
    if any(entry.commit.stream == platform.STREAM for entry in entries):
        await desk.accounts.follow_platform()


async def cancel(desk: Desk, entries: Sequence[SealedEntry]) -> None:
    """End upstream what nobody waits for any more."""
    for entry in entries:
        for event in entry.commit.events:
            if event.type in _UNWANTED:
                await cancellation.handle(event, hands=desk.hands)


FOLLOWERS: dict[str, Follower] = {
    "projector": project,
    "settlement": settle,
    "erasure": erase,
    "cancellation": cancel,
    "delivery": deliver,
    "accounts": complete_accounts,
}
