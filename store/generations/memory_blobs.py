import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from store.generations.blobs import Blob, BlobPart, Kind, cut


class MemoryBlobs:
    """Pictures in a dictionary, for simulation."""

    def __init__(self) -> None:
        self._blobs: dict[tuple[str, str], Blob] = {}

    async def put(self, *blobs: Blob) -> None:
        await asyncio.sleep(0)
        for blob in blobs:
            self._blobs.setdefault((blob.generation, blob.digest), blob)

    async def get(self, generation: str, digest: str) -> Blob | None:
        await asyncio.sleep(0)
        return self._blobs.get((generation, digest))

    async def get_all(self, generation: str, digests: Sequence[str]) -> Sequence[Blob | None]:
        return [await self.get(generation, digest) for digest in digests]

    async def part(self, generation: str, digest: str, start: int, stop: int) -> BlobPart | None:
        blob = await self.get(generation, digest)
        return BlobPart(blob.sha256, cut([blob.data], 0, start, stop)) if blob else None

    async def hashes(self, generation: str) -> dict[str, str]:
        await asyncio.sleep(0)
        return {digest: blob.sha256 for (owner, digest), blob in self._blobs.items() if owner == generation}

    async def erase(self, generation: str, *, token: str | None = None, kind: Kind | None = None) -> None:
        await asyncio.sleep(0)
        self._delete(
            lambda blob: blob.generation == generation and token in (None, blob.token) and kind in (None, blob.kind)
        )

    async def expire(self, kind: Kind, before: datetime) -> int:
        await asyncio.sleep(0)
        return self._delete(lambda blob: blob.kind == kind and blob.created_at < before)

    async def sweep(self) -> int:
        await asyncio.sleep(0)
        return 0

    def _delete(self, condition: Callable[[Blob], bool]) -> int:
        old = [key for key, blob in self._blobs.items() if condition(blob)]
        for key in old:
            del self._blobs[key]
        return len(old)
