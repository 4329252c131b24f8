from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from store.generations.blobs import BlobStore


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
