"""Send stored pictures in pieces, as fast as the client reads, within a budget of bytes."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.receipts.containers import MOST_HEAD, Insertion
from events.generation import StoredImage
from gateway.http.account import ACCOUNT
from gateway.http.byte_budget import ByteBudget, ByteLease
from gateway.http.client_address import ClientAddresses
from gateway.http.conditional import byte_range, unchanged
from store.generations.blobs import PIECE, BlobPart, BlobStore

_CHUNK: Final = PIECE  # what is written before the client has to read
_WHOLE: Final = 8 * PIECE  # pictures up to this size are read at once
_BATCH: Final = 4 * PIECE  # what is read at once of larger ones

_NEED_ETAG: Final = ("If-None-Match", "If-Range", "Range")
_UNCHANGED: Final = Insertion(b"", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureSender:
    """Answer the bytes of a picture with their hash as ETag; 304, 416 and HEAD read no picture."""

    blobs: BlobStore
    client_addresses: ClientAddresses
    download_budget: ByteBudget

    async def answer(
        self, request: web.Request, generation: str, image: StoredImage, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer the picture or the part that is asked for; raises `gone`, `damaged`, `server_busy`."""
        response = web.StreamResponse(headers=headers)
        response.content_type = image.content_type
        start, stop = 0, image.size
        if request.method == "HEAD" or any(name in request.headers for name in _NEED_ETAG):
            sha256 = (await self.blobs.hashes(generation)).get(image.digest)
            if sha256 is None:
                raise gone()
            etag = response.headers["ETag"] = f'"{sha256}"'
            if unchanged(request, etag):
                return web.Response(status=304, headers=response.headers)
            start, stop = self._range(request, response, etag, image.size)
        response.headers["Accept-Ranges"] = "bytes"
        response.content_length = stop - start
        if request.method != "HEAD":
            with closing(self.lease(request)) as lease:
                # One batch for the whole transfer: after the first byte no answer can say `server_busy`.
                await lease.use(min(_batch_of(start, stop), stop - start))
                await self._send(request, response, (generation, image.digest), start, stop)
        return response

    async def answer_variant(
        self,
        request: web.Request,
        generation: str,
        image: StoredImage,
        headers: Mapping[str, str],
        embed: Callable[[bytes], Insertion],
    ) -> web.StreamResponse:
        """Answer the picture with another beginning, made from its own; errors as above.

        headers: with the ETag of the variant. What follows its beginning is read and sent in pieces.
        """
        response = web.StreamResponse(headers=headers)
        response.content_type = image.content_type
        etag = response.headers["ETag"]
        if unchanged(request, etag):
            return web.Response(status=304, headers=response.headers)
        with closing(self.lease(request)) as lease:
            await lease.use(min(_batch_of(0, image.size), image.size) + MOST_HEAD)
            name = generation, image.digest
            changed = embed(b"".join((await self._part(name, 0, min(MOST_HEAD, image.size))).pieces))
            size = len(changed.start) + image.size - changed.skipped
            start, stop = self._range(request, response, etag, size)
            response.headers["Accept-Ranges"] = "bytes"
            response.content_length = stop - start
            if request.method != "HEAD":
                await self._send(request, response, name, start, stop, changed=changed)
        return response

    def lease(self, request: web.Request) -> ByteLease:
        """Open a lease of the bytes that are sent to the client of a request."""
        return ByteLease(self.download_budget, self.client_addresses.of(request), user=request.get(ACCOUNT, ""))

    def _range(self, request: web.Request, response: web.StreamResponse, etag: str, size: int) -> tuple[int, int]:
        part = byte_range(request, size, etag)
        if part is None:
            return 0, size
        first, last = part
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return first, last + 1

    async def _send(
        self,
        request: web.Request,
        response: web.StreamResponse,
        name: tuple[str, str],
        start: int,
        stop: int,
        *,
        changed: Insertion = _UNCHANGED,
    ) -> None:
        """Send the bytes from `start` to before `stop` of a picture, or of its variant with another beginning."""
        begun, batch = changed.start[start:stop], _batch_of(start, stop)
        moved = len(changed.start) - changed.skipped
        start, stop = max(start - moved, changed.skipped), stop - moved
        if begun:
            await response.prepare(request)
            await response.write(begun)
        while start < stop:
            end = min(start - start % PIECE + batch, stop)
            part = await self._part(name, start, end)
            if not response.prepared:
                response.headers.setdefault("ETag", f'"{part.sha256}"')
                await response.prepare(request)
            await _write(response, part)
            start = end

    async def _part(self, name: tuple[str, str], start: int, stop: int) -> BlobPart:
        part = await self.blobs.part(*name, start, stop)
        if part is None:
            raise gone()
        return part


def _batch_of(start: int, stop: int) -> int:
    """Return how many bytes of a transfer are read at once."""
    return _WHOLE if stop - start <= _WHOLE else _BATCH


async def _write(response: web.StreamResponse, part: BlobPart) -> None:
    for piece in part.pieces:
        for start in range(0, len(piece), _CHUNK):
            await response.write(piece[start : start + _CHUNK])


def gone() -> ExemplarError:
    return ExemplarError(ErrorCode.GONE, "Image is no longer kept")
