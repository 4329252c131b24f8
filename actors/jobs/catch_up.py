"""Followers of the sealed order: a lost message about anything is late, not lost.

A follower's position moves after its work, so a crash repeats work and never skips it. A commit that cannot
be handled is parked: what is behind it goes on, and it is tried again with growing pauses until it succeeds.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import structlog

from actors.jobs.desk import Desk, SealedEntry
from actors.jobs.subscribers import SUBSCRIBERS, Subscriber
from store.errors import StoreUnavailableError
from store.log.parking import Parked

_PAGE = 200
_AGAIN = 20
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(hours=1)

log = structlog.get_logger()


async def follow(name: str, desk: Desk) -> int:
    """Bring one follower to the end of the log; return how many commits were seen.

    Raises StoreUnavailableError: then nothing has moved that was not done.
    """
    subscriber = SUBSCRIBERS[name]
    await _try_parked(name, subscriber, desk)
    seen = 0
    position = await desk.subscribers.position(name)
    while entries := await desk.log.read(after=position, limit=_PAGE):
        await _advance(name, subscriber, entries, desk)
        position = entries[-1].position
        await desk.subscribers.advance(name, position)
        seen += len(entries)
    return seen


async def _advance(name: str, subscriber: Subscriber, entries: Sequence[SealedEntry], desk: Desk) -> None:
    """Hand over a page, or, when that fails, its commits one by one, so that the one at fault is found."""
    try:
        await subscriber(desk, entries)
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - the commit at fault is found below
        log.warning("follower failed", subscriber=name, error=repr(error))
        for entry in entries:
            await _handle(name, subscriber, entry, desk, None)


async def _try_parked(name: str, subscriber: Subscriber, desk: Desk) -> None:
    for one in await desk.parking.due(name, desk.hands.clock(), limit=_AGAIN):
        entries = await desk.log.read(after=one.position - 1, limit=1)
        if not entries or entries[0].position != one.position:
            await desk.parking.park(_later(one, one.error, desk))  # an audit names what cannot be read
        elif await _handle(name, subscriber, entries[0], desk, one):
            await desk.parking.release(name, one.position)
            log.info("parked commit handled", subscriber=name, commit=one.commit, tries=one.tries + 1)


async def _handle(
    name: str, subscriber: Subscriber, entry: SealedEntry, desk: Desk, before: Parked | None
) -> bool:
    """Hand over one commit; park it when that fails, for longer at every try."""
    try:
        await subscriber(desk, [entry])
    except StoreUnavailableError:
        raise
    except Exception as error:
        one = before or _unparked(name, entry, desk)
        log.exception("commit parked", subscriber=name, commit=one.commit, tries=one.tries + 1)
        await desk.parking.park(_later(one, type(error).__name__, desk))
        return False
    return True


def _unparked(name: str, entry: SealedEntry, desk: Desk) -> Parked:
    now = desk.hands.clock()
    return Parked(
        subscriber=name,
        position=entry.position,
        commit=entry.commit.id,
        error="",
        tries=0,
        since=now,
        due_at=now,
    )


def _later(one: Parked, error: str, desk: Desk) -> Parked:
    # 2**10 first pauses are longer than the longest; the bound keeps the number small.
    pause = min(_FIRST_PAUSE * 2 ** min(one.tries, 10), _LONGEST_PAUSE)
    return replace(one, error=error, tries=one.tries + 1, due_at=desk.hands.clock() + pause)
