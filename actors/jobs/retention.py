from collections.abc import Callable
from datetime import datetime, timedelta

from store.generations.blobs import BlobStore


async def delete_old_pictures(
    *,
    blobs: BlobStore,
    keep_pictures_days: int,
    keep_examples_days: int,
    clock: Callable[[], datetime],
) -> int:
    """Delete pictures that are older than they are kept; return how many."""
    now = clock()
    results = await blobs.expire("result", now - timedelta(days=keep_pictures_days))
    return results + await blobs.expire("example", now - timedelta(days=keep_examples_days))
