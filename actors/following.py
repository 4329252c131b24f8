"""Followers of the sealed order: a lost message about anything is late, not lost.

A follower's position moves after its work, so a crash repeats work and never skips it.
"""

from collections.abc import Awaitable, Callable, Sequence

from actors import delivery, erasure, quota
from actors.desk import Desk, SealedEntry
from domain.developer import developer_of
from domain.generation import id_of
from store.projection import rows_of

_PAGE = 200

Follower = Callable[[Desk, Sequence[SealedEntry]], Awaitable[None]]


async def follow(desk: Desk) -> int:
    """Bring every follower to the end of the log; return how many commits were seen."""
    return sum([await _catch_up(name, follower, desk) for name, follower in FOLLOWERS.items()])


async def _catch_up(name: str, follower: Follower, desk: Desk) -> int:
    seen = 0
    position = await desk.followers.position(name)
    while entries := await desk.log.read(after=position, limit=_PAGE):
        await follower(desk, entries)
        position = entries[-1].position
        await desk.followers.advance(name, position)
        seen += len(entries)
    return seen


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


FOLLOWERS: dict[str, Follower] = {
    "projector": project,
    "settlement": settle,
    "erasure": erase,
    "delivery": deliver,
    "accounts": complete_accounts,
}
