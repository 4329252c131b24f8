from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from store.generations.blobs import BlobStore
from store.generations.personal_data import PersonalDataStore
from store.generations.projection import Projection

_PAGE = 500


async def delete_old_pictures(
    *,
    blobs: BlobStore,
    keep_pictures_days: int,
    keep_examples_days: int,
    safe_now: Callable[[], Awaitable[datetime]],
) -> int:
    """Delete pictures that are older than they are kept; return how many."""
    now = await safe_now()
    results = await blobs.expire("result", now - timedelta(days=keep_pictures_days))
    return results + await blobs.expire("example", now - timedelta(days=keep_examples_days))


async def delete_old_personal_data(
    *,
    personal_data: PersonalDataStore,
    projection: Projection,
    keep_personal_data_days: int | None,
    safe_now: Callable[[], Awaitable[datetime]],
) -> int:
    """Delete the personal data of generations that ended longer ago than they are kept; return how many.

    None keeps them for ever. What a filter finds by its metadata goes first: the data lead a later run to it.
    """
    if keep_personal_data_days is None:
        return 0
    before, after, forgotten = await safe_now() - timedelta(days=keep_personal_data_days), None, 0
    while found := await personal_data.created_before(before, after=after, limit=_PAGE):
        after = found[-1]
        ended = await projection.finished_before(before, [one.generation for one in found])
        if ended:
            await projection.delete_labels(ended)
            await personal_data.erase_all(ended)
        forgotten += len(ended)
    return forgotten
