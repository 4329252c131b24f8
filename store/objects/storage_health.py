import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from store.errors import ObjectStorageError, StoreUnavailableError
from store.objects.s3_objects import S3Objects

_TIMEOUT_S: Final = 2.0
_KEEP_S: Final = 5.0


class StorageHealth:
    """Check that the store of pictures answers: the object storage, where there is one, else MongoDB."""

    def __init__(self, objects: S3Objects | None = None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._monotonic = objects, monotonic
        self._found: tuple[float, str | None] | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, mongodb: Mapping[str, Any]) -> dict[str, Any]:
        """Return status, type and the name of the error, within two seconds; `mongodb` is the health of MongoDB.

        The object storage is asked every five seconds at most, by one caller for all.
        """
        if self._objects is None:
            return {"status": mongodb["status"], "type": "mongodb", "error": mongodb["error"]}
        async with self._lock:
            if self._found is None or self._monotonic() - self._found[0] >= _KEEP_S:
                self._found = self._monotonic(), await self._error_of(self._objects)
            error = self._found[1]
        return {"status": "healthy" if error is None else "unhealthy", "type": "s3", "error": error}

    async def _error_of(self, objects: S3Objects) -> str | None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await objects.require_usable()
        except (ObjectStorageError, StoreUnavailableError, TimeoutError) as error:
            return type(error).__name__
        return None
