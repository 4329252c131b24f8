"""Keep the bytes of an upload in memory or in a temporary file while they arrive."""

import asyncio
import hashlib
import tempfile
from typing import IO

import structlog

from domain.errors import ErrorCode, ExemplarError

_log = structlog.get_logger()


class Spool:
    """Bytes of one upload: hashed as they arrive, in memory up to ``memory`` bytes, then in a temporary file.

    The file has no name and is written by a thread, in pieces of ``memory`` bytes.
    """

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._chunks: list[bytes] = []
        self._pending = 0
        self._hash = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self._writing: asyncio.Future[None] | None = None
        self.size = 0

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Take more bytes; raises server_busy when the disk cannot store them."""
        self._hash.update(chunk)
        self._chunks.append(chunk)
        self._pending += len(chunk)
        self.size += len(chunk)
        if self._pending > self._memory:
            await self._flush()

    async def finish(self) -> None:
        """Write the remaining bytes to the file, if there is one."""
        if self._file is not None and self._chunks:
            await self._flush()

    def source(self) -> bytes | IO[bytes]:
        """Return what was written, after finish: the content itself or the file at any position."""
        return self._join() if self._file is None else self._file

    async def read(self) -> bytes:
        if self._file is None:
            return self._join()
        return await asyncio.to_thread(_read_whole, self._file)

    def close(self) -> None:
        """Release everything, a file as soon as its writer has ended; closing twice is no error."""
        self._chunks = []
        if self._writing is not None and not self._writing.done():
            self._writing.add_done_callback(self._close_file)
        else:
            self._close_file()

    async def _flush(self) -> None:
        chunks, self._chunks, self._pending = self._chunks, [], 0
        self._writing = asyncio.get_running_loop().run_in_executor(None, self._append, chunks)
        try:
            # A cancelled request leaves the thread at work; close() waits for it.
            await asyncio.shield(self._writing)
        except OSError as error:
            _log.error("upload_spool_failed", error=error)
            raise ExemplarError(ErrorCode.SERVER_BUSY) from error

    def _append(self, chunks: list[bytes]) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._file.write(b"".join(chunks))

    def _join(self) -> bytes:
        content = b"".join(self._chunks)
        self._chunks = [content]
        return content

    def _close_file(self, writing: asyncio.Future[None] | None = None) -> None:
        if writing is not None and not writing.cancelled():
            writing.exception()
        if self._file is not None:
            self._file.close()
            self._file = None


def _read_whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()
