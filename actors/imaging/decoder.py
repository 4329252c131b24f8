"""Decode untrusted pictures fully, in worker processes with limits."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from actors.imaging.decoder_client import DecoderClient, DecoderUnavailable, InvalidPicture
from actors.metrics import DECODER_SECONDS
from domain.fair_slots import FairSlots
from domain.submission.composition import DEFAULT, Composition, Mode
from domain.submission.image_header import Format
from metrics.metrics import NO_METRICS, Metrics
from store.settings import EnvironmentSettings
from store.tracing import NO_TRACER, Tracer

__all__ = [
    "Composed",
    "DecodedExample",
    "DecodedPicture",
    "Decoder",
    "DecoderSettings",
    "DecoderUnavailable",
    "InvalidPicture",
]


class DecoderSettings(EnvironmentSettings):
    """Limits of decoding.

    The default memory is enough for every picture that the gateway accepts but two: a WebP of more than about 33
    megapixels, which libwebp and Pillow hold four times, 16 bytes a pixel, and a PNG of 16 bits with one transparent
    colour, of more than about 24.
    """

    model_config = SettingsConfigDict(env_prefix="EXEMPLAR_DECODER_")

    seconds: float = Field(default=5.0, gt=0, description="Processor time that one picture may take, seconds")
    memory_mb: int = Field(default=512, ge=16, description="Memory that decoding may take, MiB")
    workers: int = Field(default=2, ge=1, description="How many jobs are decoded at the same time")


@dataclass(frozen=True, slots=True)
class DecodedExample:
    """An example as decoded: width and height as seen (orientation applied), ``mode`` as Pillow names it."""

    width: int
    height: int
    format: Format
    mode: str
    frames: int
    orientation: int


@dataclass(frozen=True, slots=True)
class Composed:
    """The one picture for the model: ``data`` is an RGB JPEG of at most 190,000 bytes without metadata.

    Width and height are its own: the plan's, or less where only a smaller picture fits into that many bytes.
    """

    data: bytes
    width: int
    height: int
    mode: Mode
    examples: tuple[DecodedExample, ...]


@dataclass(frozen=True, slots=True)
class DecodedPicture:
    """A picture that decodes fully; width and height as stored."""

    format: Format
    content_type: str
    width: int
    height: int


class Decoder:
    """A pool of decoder workers, each started when first needed and serving one request at a time.

    Developers take turns, so that one's many or heavy pictures delay another's by what has begun. A worker that dies is
    replaced and its request repeated once. Use it as an async context manager.
    """

    def __init__(
        self, decoder_settings: DecoderSettings, metrics: Metrics = NO_METRICS, tracer: Tracer = NO_TRACER
    ) -> None:
        self._metrics, self._tracer = metrics, tracer
        seconds, memory_mb = decoder_settings.seconds, decoder_settings.memory_mb
        self._clients = [DecoderClient(seconds, memory_mb, metrics) for _ in range(decoder_settings.workers)]
        self._idle = self._clients[::-1]  # the last one in is the first to work
        self._slots = FairSlots(len(self._clients))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def compose(self, examples: Sequence[bytes], mode: Composition = DEFAULT, *, developer: str = "") -> Composed:
        """Decode one to five examples and make one picture. Raises InvalidPicture or DecoderUnavailable."""
        async with self._timed("compose"), self._client(developer) as client:
            done, data = await client.ask({"do": "compose", "mode": mode}, examples)
        decoded = tuple(DecodedExample(**example) for example in done.pop("examples"))
        return Composed(data=data, examples=decoded, **done)

    async def check(self, picture: bytes, *, developer: str = "") -> DecodedPicture:
        """Decode one picture, every pixel. Raises InvalidPicture or DecoderUnavailable."""
        async with self._timed("check"), self._client(developer) as client:
            done, _ = await client.ask({"do": "check"}, [picture])
        return DecodedPicture(**done)

    async def close(self) -> None:
        """Terminate every worker; requests in progress get DecoderUnavailable."""
        await asyncio.gather(*(client.close() for client in self._clients))

    @asynccontextmanager
    async def _timed(self, operation: str) -> AsyncIterator[None]:
        began = time.perf_counter()
        try:
            with self._tracer.span("decode", attributes={"exemplar.operation": operation}):
                yield
        finally:
            self._metrics.observe(DECODER_SECONDS, time.perf_counter() - began, operation)

    @asynccontextmanager
    async def _client(self, developer: str) -> AsyncIterator[DecoderClient]:
        async with self._slots.slot(developer):
            client = self._idle.pop()
            try:
                yield client
            finally:
                self._idle.append(client)
