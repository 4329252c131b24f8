import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Protocol

from events.commit import Commit

AT_A_TIME = 100


class PublishesCommits(Protocol):
    async def publish(self, commit: Commit) -> bool: ...


async def relay(unpublished: Callable[[], Awaitable[list[Commit]]], publisher: PublishesCommits) -> int:
    """Publish the commits that stayed marked, oldest first, and return how many arrived.

    Goes on in groups and stops at the first group with a failure: the next run begins where this one stopped.
    """
    waiting = iter(await unpublished())
    published = 0
    while group := list(islice(waiting, AT_A_TIME)):
        arrived = sum(await asyncio.gather(*(publisher.publish(commit) for commit in group)))
        published += arrived
        if arrived < len(group):
            break
    return published
