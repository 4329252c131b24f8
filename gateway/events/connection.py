"""One open event stream: a response that has begun and that others write to until it ends.

It costs no queue, no timer and no task beside the request's own: an update is written to the transport at
once, and the transport's buffer limits what a client leaves unread.
"""

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, Final

import structlog
from aiohttp import HttpVersion11, web

from gateway.events.late_body import LateBodyResponse
from gateway.events.settings import StreamSettings
from gateway.events.sse import SSE, StreamFormat
from gateway.events.update import Update

_SLICE: Final = 32 * 1024  # bytes; a client that reads so many within the write timeout makes progress

log = structlog.get_logger()


class Connection:
    """One open event stream."""

    __slots__ = (
        "_behind",
        "_buffer",
        "_chunked",
        "_ended",
        "_expires",
        "_format",
        "_last_drained",
        "_last_write",
        "_response",
        "_transport",
        "_write_timeout",
        "_written",
    )

    def __init__(
        self,
        response: LateBodyResponse,
        request: web.Request,
        settings: StreamSettings,
        stream_format: StreamFormat = SSE,
    ) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has disconnected")
        loop = asyncio.get_running_loop()
        self._response = response
        self._transport = transport
        self._chunked = request.version >= HttpVersion11
        self._format = stream_format
        self._buffer = settings.buffer
        self._write_timeout = settings.write_timeout
        self._ended: asyncio.Future[web.StreamResponse] = loop.create_future()
        self._behind: bytes | None = None  # what is sent while a long write is under way
        self._written = True
        self._last_write = self._last_drained = loop.time()
        self._expires = self._last_write + settings.max_life

    async def write(self, frames: bytes) -> None:
        """Write and wait for the buffer to drain; ConnectionError for a client that reads nothing.

        Long frames are written in slices, each of which the client has to read in time. What others send meanwhile
        follows them.
        """
        self._behind = b""
        try:
            for first in range(0, len(frames), _SLICE):
                await self._write_slice(frames[first : first + _SLICE])
        finally:
            behind, self._behind = self._behind, None
        if behind:
            self._put(behind)

    async def _write_slice(self, part: bytes) -> None:
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._response.write(part)
        except TimeoutError:
            self.drop()
            raise ConnectionResetError("the client is too slow") from None

    async def finish(self, frames: bytes) -> None:
        """End the stream with these last frames, which nothing interrupts or follows; raises as `write`."""
        self.end()
        await self.write(frames)

    def send(self, frames: bytes) -> None:
        """Write at once, or behind a write that is under way; a client that left too much unread is disconnected."""
        if self._ended.done():
            return
        if self._transport.is_closing():
            self.end()
        elif self._behind is not None:
            self._behind += frames
            if len(self._behind) > self._buffer:
                self.drop()
        elif self._transport.get_write_buffer_size() > self._buffer:
            self.drop()
        else:
            self._put(frames)

    def _put(self, frames: bytes) -> None:
        if not self._transport.is_closing():
            self._written = True
            self._transport.write(b"%x\r\n%b\r\n" % (len(frames), frames) if self._chunked else frames)

    @property
    def closed(self) -> bool:
        """Whether the stream has ended or the client has disconnected."""
        return self._ended.done() or self._transport.is_closing()

    def deliver(self, update: Update) -> None:
        """Write an update; end after the final one."""
        self.send(update.frames)
        if update.final:
            self.end()

    def end(self, frames: bytes = b"") -> None:
        """End the stream after these last frames."""
        if frames:
            self.send(frames)
        if not self._ended.done():
            self._ended.set_result(self._response)

    def dismiss(self, reason: str) -> None:
        """End a stream that may be resumed, and say why."""
        self.end(self._format.goodbye(reason))

    def drop(self) -> None:
        """Close the connection and discard unsent bytes."""
        log.info("slow_client_disconnected", unsent=self._transport.get_write_buffer_size())
        self._transport.abort()
        self.end()

    def check(self, now: float, settings: StreamSettings) -> None:
        """End a stream that is closed, stuck or too old; send a comment after a silence."""
        if self._written:
            self._written, self._last_write = False, now
        if self._transport.get_write_buffer_size() == 0 or self._behind is not None:  # a write has its own timeout
            self._last_drained = now
        if self._transport.is_closing():
            self.end()
        elif now - self._last_drained > settings.write_timeout:
            self.drop()
        elif now >= self._expires:
            self.dismiss("max_life")
        elif self._format.keep_alive and now - self._last_write >= settings.keep_alive:
            self.send(self._format.keep_alive)

    async def ends_within(self, seconds: float) -> bool:
        """Wait for the end at most so long; tell whether it came."""
        await asyncio.wait([self._ended], timeout=seconds)
        return self.closed

    def ended(self) -> Awaitable[web.StreamResponse]:
        """Return what to await for the end; the result is the response."""
        return self._ended

    def followed_by(self, body: Coroutine[Any, Any, None]) -> web.StreamResponse:
        """Return the response, which goes on with `body` when the handler has returned it."""
        return self._response.followed_by(body)
