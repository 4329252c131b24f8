"""Objects in a bucket with the protocol of S3, by the optional library `aiobotocore` (`pip install exemplar[s3]`)."""

import asyncio
import base64
import hashlib
import random
from collections.abc import Awaitable, Collection
from contextlib import AsyncExitStack
from importlib.util import find_spec
from itertools import count
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import structlog

from store.backoff import Backoff
from store.errors import ObjectStorageError, ObjectStorageUnavailableError
from store.objects.settings import S3Settings

Result = TypeVar("Result")

_ATTEMPTS: Final = 3
_BACKOFF: Final = Backoff(first=0.2, longest=2.0, jitter=0.5)
_DELETED_AT_ONCE: Final = 16
_MISSING: Final = {"NoSuchKey", "NotFound", "404"}
_BEYOND: Final = {"InvalidRange", "416"}
_TRANSIENT: Final = {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "InternalError"}
_UNTOLD: Final = {"AccessDenied", "NotImplemented", "MethodNotAllowed"}

log = structlog.get_logger()


class S3Objects:
    """Write, read and delete objects; what fails for a moment is tried three times.

    An attempt ends after four times the timeout. Connects when it is first used. Raises ObjectStorageUnavailableError.
    """

    def __init__(self, s3_settings: S3Settings) -> None:
        if find_spec("aiobotocore") is None:
            raise ObjectStorageError(
                "EXEMPLAR_S3_BUCKET is set, but aiobotocore is not installed: pip install exemplar[s3]"
            )
        self._settings = s3_settings
        self._timeout = s3_settings.s3_timeout_ms / 1000
        self._stack = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: Any = None
        self._has_warned = False
        self._faults: tuple[type[Exception], ...] = (OSError, TimeoutError)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def put(self, name: str, data: bytes, content_type: str) -> None:
        """Write an object; one of the same name is replaced."""
        digest = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        await self._attempted("put_object", Key=name, Body=data, ContentType=content_type, ContentMD5=digest)

    async def get(self, name: str, start: int = 0, stop: int | None = None) -> bytes | None:
        """Read an object, or its bytes from `start` to before `stop` as far as they exist; None where there is none."""
        asked = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
        found: bytes | None = await self._attempted("get_object", Key=name, **asked)
        return found

    async def delete(self, names: Collection[str]) -> None:
        """Delete objects; one that does not exist is deleted already."""
        limit = asyncio.Semaphore(_DELETED_AT_ONCE)

        async def delete_one(name: str) -> None:
            async with limit:
                await self._attempted("delete_object", Key=name)

        await all_done([delete_one(name) for name in names])

    async def require_usable(self) -> None:
        """Raise ObjectStorageError for a bucket that cannot be used, or that keeps what is deleted from it."""
        try:
            answer = await self._attempted("get_bucket_versioning")
        except ObjectStorageUnavailableError as error:
            if error.code in _UNTOLD:
                if not self._has_warned:
                    log.warning("bucket_versioning_unknown", bucket=self._settings.s3_bucket, code=error.code)
                self._has_warned = True
                return
            if error.is_transient:
                raise
            raise ObjectStorageError(
                f"EXEMPLAR_S3_BUCKET: {self._settings.s3_bucket} cannot be used ({error})"
            ) from None
        if answer.get("Status") == "Enabled":
            raise ObjectStorageError(
                f"EXEMPLAR_S3_BUCKET: {self._settings.s3_bucket} keeps versions, so that nothing could be erased:"
                " use a bucket without versioning"
            )

    async def _attempted(self, operation: str, **asked: Any) -> Any:
        if "Key" in asked:
            asked["Key"] = self._settings.s3_prefix + asked["Key"]
        for failures in count(1):
            try:
                async with asyncio.timeout(4 * self._timeout):
                    return await self._call(operation, asked)
            except self._faults as error:
                code, is_transient = _judged(error)
                if operation == "get_object" and code in _MISSING:
                    return None
                if operation == "get_object" and code in _BEYOND:
                    return b""
                if failures == _ATTEMPTS or not is_transient:
                    if operation != "get_bucket_versioning" or code not in _UNTOLD:
                        log.warning("object_storage_failed", operation=operation, code=code, attempts=failures)
                    raise ObjectStorageUnavailableError(operation, code, is_transient=is_transient) from error
            await asyncio.sleep(_BACKOFF.delay(failures, random.random()))  # noqa: S311 - spreads callers
        raise AssertionError("the last attempt returns or raises")

    async def _call(self, operation: str, asked: dict[str, Any]) -> Any:
        client = self._client or await self._connect()
        answer = await getattr(client, operation)(Bucket=self._settings.s3_bucket, **asked)
        if "Body" not in answer:
            return answer
        async with answer["Body"] as body:
            return await body.read()

    async def _connect(self) -> Any:
        from aiobotocore.config import AioConfig  # noqa: PLC0415 - it is optional
        from aiobotocore.session import get_session  # noqa: PLC0415
        from aiohttp import ClientError as ConnectionFault  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        settings, secret = self._settings, self._settings.s3_secret_access_key
        async with self._opening:
            if self._client is None:
                self._faults = (BotoCoreError, ClientError, ConnectionFault, OSError, TimeoutError)
                config = AioConfig(
                    connect_timeout=self._timeout,
                    read_timeout=self._timeout,
                    max_pool_connections=settings.s3_connections,
                    retries={"total_max_attempts": 1},  # attempts are counted here: they cover the reading of the body
                    s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
                    # Content-MD5 protects what is sent: other storages than Amazon's know it too.
                    request_checksum_calculation="when_required",
                    response_checksum_validation="when_required",
                )
                opened = get_session().create_client(
                    "s3",
                    region_name=settings.s3_region,
                    endpoint_url=settings.s3_endpoint,
                    aws_access_key_id=settings.s3_access_key_id,
                    aws_secret_access_key=secret.get_secret_value() if secret else None,
                    config=config,
                )
                self._client = await self._stack.enter_async_context(opened)
        return self._client


async def all_done(calls: Collection[Awaitable[Result]]) -> list[Result]:
    """Wait until all calls have ended, then return their results or raise the first error: none goes on behind it."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _judged(error: Exception) -> tuple[str, bool]:
    """Return the code of an error, which holds no data of a request, and whether it may be gone soon."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        code = type(error).__name__
        return code, "Credential" not in code and not code.startswith(("Param", "Invalid"))
    code = str(response.get("Error", {}).get("Code", "unknown"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return code, code in _TRANSIENT or status in (408, 429) or status >= 500
