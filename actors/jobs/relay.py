import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from events.commit import Commit
from store.commits.contract import EventStore

_AFTER = timedelta(seconds=2)
_LIMIT = 500
_AT_ONCE = 100


class CommitPublisher(Protocol):
    """Publishes commits: over RabbitMQ or inside the process."""

    async def publish(self, commit: Commit) -> bool: ...


async def relay(*, events: EventStore, publisher: CommitPublisher, clock: Callable[[], datetime]) -> int:
    """Publish the commits whose outbox mark stayed, oldest first; return how many arrived.

    Stops at the first group with a failure: the next run begins there.
    """
    waiting = iter(await events.unpublished(before=clock() - _AFTER, limit=_LIMIT))
    published = 0
    while group := list(islice(waiting, _AT_ONCE)):
        arrived = sum(await asyncio.gather(*map(publisher.publish, group)))
        published += arrived
        if arrived < len(group):
            break
    return published
