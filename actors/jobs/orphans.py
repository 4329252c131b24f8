from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from store.errors import StoreUnavailableError
from store.generations.blobs import BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalDataStore

_ORPHANED_AFTER = timedelta(minutes=30)

log = structlog.get_logger()


async def erase_orphans(
    *,
    personal_data: PersonalDataStore,
    blobs: BlobStore,
    generations: Generations,
    safe_now: Callable[[], Awaitable[datetime]],
) -> int:
    """Erase personal data and pictures of submissions that were never recorded; return how many."""
    erased = 0
    before = await safe_now() - _ORPHANED_AFTER
    for generation_id, token in await personal_data.unconfirmed_before(before, limit=500):
        try:
            generation = await generations.load(generation_id)
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - a damaged stream must not keep the orphans behind it
            log.warning("orphan_not_judged", generation_id=generation_id, error=repr(error))
            continue
        if generation is not None and generation.request.personal_data == token:
            await personal_data.confirm(generation_id, token)
            continue
        await blobs.erase(generation_id, token=token)
        await personal_data.erase(generation_id, token=token)
        erased += 1
    return erased
