"""One open event stream: an answer that has begun and is written to by others until it ends.

It costs no queue, no timer and no task beside the request's own: whoever has news writes into the connection
at once, and what the connection cannot take is bounded by its own buffer.
"""

import asyncio

import structlog
from aiohttp import HttpVersion11, web
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.events.broadcaster import Update
from gateway.events.sse import KEEP_ALIVE, frame

log = structlog.get_logger()


class StreamSettings(BaseSettings):
    """How many event streams there may be, and how long one may last."""

    model_config = SettingsConfigDict(
        env_prefix="EXEMPLAR_STREAM_", frozen=True, extra="ignore", env_ignore_empty=True
    )

    per_holder: int = Field(20, ge=1, description="Open event streams and waits of one account; above: 429")
    per_process: int = Field(
        5_000, ge=1, description="Open event streams and waits of one gateway; above: 503"
    )
    max_life: float = Field(900, gt=0, description="Seconds until an event stream says goodbye")
    keep_alive: float = Field(15, gt=0, description="Seconds of silence until a comment is sent")
    retry: int = Field(2_000, ge=0, description="Milliseconds a client is told to wait before it comes back")
    buffer: int = Field(
        64 * 1024, ge=1024, description="Bytes a reader may leave unread in the process until it is dropped"
    )
    write_timeout: float = Field(
        20, gt=0, description="Seconds a reader may take no byte until it is dropped"
    )
    poll: float = Field(1.5, gt=0, description="Seconds between looks at the log without a wake-up")
    recheck: float = Field(
        15,
        gt=0,
        le=60,
        description="Seconds between looks at whether the readers of open streams may still read",
    )
    tail: float = Field(0.25, gt=0, description="Seconds between looks at the sealed order")


class Connection:
    """One open stream: an answer that has begun and is written to by others until it ends."""

    __slots__ = (
        "_buffer",
        "_chunked",
        "_ended",
        "_response",
        "_said",
        "_transport",
        "_write_timeout",
        "cleared",
        "ends",
        "spoke",
    )

    def __init__(self, response: web.StreamResponse, request: web.Request, settings: StreamSettings) -> None:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has gone")
        loop = asyncio.get_running_loop()
        self._response = response
        self._transport = transport
        self._chunked = request.version >= HttpVersion11
        self._buffer = settings.buffer
        self._write_timeout = settings.write_timeout
        self._ended: asyncio.Future[None] = loop.create_future()
        self._said = True
        self.spoke = self.cleared = loop.time()
        self.ends = self.spoke + settings.max_life

    async def write(self, frames: bytes) -> None:
        """Send and wait for room; ConnectionError for a reader that takes nothing."""
        try:
            async with asyncio.timeout(self._write_timeout):
                await self._response.write(frames)
        except TimeoutError:
            self.drop()
            raise ConnectionResetError("the reader is too slow") from None

    def send(self, frames: bytes) -> None:
        """Send at once; a reader that left too much unread is dropped."""
        if self._ended.done():
            return
        if self._transport.is_closing():
            self.end()
        elif self._transport.get_write_buffer_size() > self._buffer:
            self.drop()
        else:
            self._said = True
            self._transport.write(b"%x\r\n%b\r\n" % (len(frames), frames) if self._chunked else frames)

    @property
    def over(self) -> bool:
        """Whether it has ended, or its reader has gone."""
        return self._ended.done() or self._transport.is_closing()

    def deliver(self, update: Update) -> None:
        """Send what happened; end behind the last."""
        self.send(update.frames)
        if update.final:
            self.end()

    def end(self, frames: bytes = b"") -> None:
        """End the stream behind a last frame."""
        if frames:
            self.send(frames)
        if not self._ended.done():
            self._ended.set_result(None)

    def drop(self) -> None:
        """Cut the connection, unsent bytes with it."""
        log.info("slow reader dropped", unsent=self._transport.get_write_buffer_size())
        self._transport.abort()
        self.end()

    def look(self, now: float, settings: StreamSettings) -> None:
        """Notice that it has gone, is stuck or has lasted long enough; speak after a silence."""
        if self._said:
            self._said, self.spoke = False, now
        if self._transport.get_write_buffer_size() == 0:
            self.cleared = now
        if self._transport.is_closing():
            self.end()
        elif now - self.cleared > settings.write_timeout:
            self.drop()
        elif now >= self.ends:
            self.end(frame("goodbye", {"reason": "max_life"}))
        elif now - self.spoke >= settings.keep_alive:
            self.send(KEEP_ALIVE)

    async def ended(self) -> web.StreamResponse:
        """Wait for the end and return the answer."""
        await self._ended
        return self._response
