from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from domain.generation.generation import id_of, stream_of
from events.generation import GenerationRequested
from store.commits.contract import EventStore
from store.errors import StoreUnavailableError
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore, Unconfirmed

_ORPHANED_AFTER = timedelta(minutes=30)
_PAGE = 500

log = structlog.get_logger()


async def erase_orphans(
    *,
    personal_data: PersonalDataStore,
    blobs: BlobStore,
    events: EventStore,
    generations: Generations,
    safe_now: Callable[[], Awaitable[datetime]],
) -> int:
    """Erase personal data and pictures of submissions that were never recorded, and lost bytes; return how many.

    One run judges all that are old enough, a page at a time, and logs how far it was behind. Data without a time, which
    no sweep would find, get one.
    """
    now, last = await safe_now(), None
    await personal_data.date_undated(now)
    before = now - _ORPHANED_AFTER
    confirmed = erased = skipped = 0
    lag = timedelta()
    while page := await personal_data.unconfirmed_before(before, limit=_PAGE, after=last):
        tokens = await _recorded_tokens(page, events, generations)
        named = [one for one in page if tokens.get(one.generation) == one.token]
        orphans = [one for one in page if one.generation in tokens and one not in named]
        await personal_data.confirm([(one.generation, one.token) for one in named])
        for one in orphans:
            await blobs.erase(one.generation, token=one.token)
            await personal_data.erase(one.generation, token=one.token)
        confirmed, erased = confirmed + len(named), erased + len(orphans)
        skipped += len(page) - len(named) - len(orphans)
        lag, last = max(lag, before - page[0].created_at), page[-1]
        if len(page) < _PAGE:
            break
    if confirmed or erased or skipped:
        log.info("orphans_swept", confirmed=confirmed, erased=erased, skipped=skipped, lag_s=round(lag.total_seconds()))
    if swept := await blobs.sweep():
        log.info("lost_objects_deleted", objects=swept)
    return erased + swept


async def _recorded_tokens(
    page: Sequence[Unconfirmed], events: EventStore, generations: Generations
) -> Mapping[str, str | None]:
    """Map generations to the token that their stream names, None without a stream; omit damaged ones."""
    names = {one.generation for one in page}
    try:
        commits = await events.following({stream_of(name): 0 for name in names})
    except StoreUnavailableError:
        raise
    except Exception:  # noqa: BLE001 - one damaged stream fails the page: read them one by one
        return {name: token async for name, token in _one_by_one(names, generations)}
    first = {id_of(commit.stream): commit.events[0].event for commit in commits}
    found = {name: event.personal_data for name, event in first.items() if isinstance(event, GenerationRequested)}
    return {name: found.get(name) for name in names if name in found or name not in first}


async def _one_by_one(names: Collection[str], generations: Generations) -> AsyncIterator[tuple[str, str | None]]:
    for name in names:
        try:
            generation = await generations.load(name)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a damaged stream must not keep the orphans behind it
            log.warning("orphan_not_judged", generation_id=name, error=error)
        else:
            yield name, generation.request.personal_data if generation else None
