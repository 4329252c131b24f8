"""Variants of a picture that are made at download: with its receipt in it, and with a C2PA manifest."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation
from domain.receipts.containers import MOST_HEAD, EmbeddingError, Insertion, insertion
from gateway.generations.picture_sender import PictureSender, gone
from gateway.receipts.c2pa_signer import C2paError, C2paSigner
from gateway.receipts.receipts import Receipts
from gateway.receipts.settings import ReceiptSettings
from store.generations.blobs import PIECE, BlobStore

Variant = Literal["embedded", "c2pa"]
_AT_ONCE: Final = 2  # manifests that are made at the same time, each with several copies of its picture in memory
_LEAST_SHARE: Final = 4 * 2**20  # bytes that every client may hold: a larger picture is sent to it alone


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureVariants:
    """Answer pictures with a receipt; it has neither instructions nor a salt, because a picture travels."""

    blobs: BlobStore
    picture_sender: PictureSender
    receipts: Receipts
    receipt_settings: ReceiptSettings
    c2pa_signer: C2paSigner | None
    _signing: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE), init=False)

    async def answer(
        self, request: web.Request, generation: Generation, number: int, variant: Variant, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer a variant; raises what `Receipts.issue` and `PictureSender.answer` raise."""
        text = (await self.receipts.issue(generation, number)).text()
        if variant == "c2pa":
            return await self._with_manifest(request, generation, number, text, headers)
        embed = partial(_insertion, receipt=text, marked=self.receipt_settings.mark_pictures)
        etag = hashlib.sha256(f"{self.receipt_settings.mark_pictures} {text}".encode()).hexdigest()
        picture = generation.pictures[number]
        tagged = {**headers, "ETag": f'"{etag}"'}
        return await self.picture_sender.answer_variant(request, generation.id, picture, tagged, embed)

    async def _with_manifest(
        self, request: web.Request, generation: Generation, number: int, text: str, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer the whole picture with a manifest, which is another one each time: it is not cached."""
        picture = generation.pictures[number]
        with closing(self.picture_sender.lease(request)) as lease:
            await lease.use(min(picture.size, _LEAST_SHARE))
            async with self._signing:
                signed = await self._signed(generation, number, text)
            response = web.StreamResponse(
                headers={**headers, "Cache-Control": "private, no-store", "Accept-Ranges": "none"}
            )
            response.content_type = picture.content_type
            response.content_length = len(signed)
            if request.method != "HEAD":
                await response.prepare(request)
                for start in range(0, len(signed), PIECE):
                    await response.write(signed[start : start + PIECE])
        return response

    async def _signed(self, generation: Generation, number: int, text: str) -> bytes:
        """Read a picture whole and sign a manifest for it with its receipt."""
        if self.c2pa_signer is None:
            raise ExemplarError(ErrorCode.RECEIPTS_DISABLED, "This server adds no C2PA manifests")
        picture = generation.pictures[number]
        blob = await self.blobs.get(generation.id, picture.digest)
        if blob is None:
            raise gone()
        start, skipped = _insertion(blob.data[:MOST_HEAD], text, marked=self.receipt_settings.mark_pictures)
        data = start + blob.data[skipped:]
        try:
            return await self.c2pa_signer.sign(data, picture.content_type, title=f"{generation.id}/{number}")
        except C2paError as error:
            raise ExemplarError(ErrorCode.CONFLICT, f"This picture can hold no manifest: {error}") from None


def _insertion(head: bytes, receipt: str, *, marked: bool) -> Insertion:
    try:
        return insertion(head, receipt, marked=marked)
    except EmbeddingError as error:
        raise ExemplarError(ErrorCode.CONFLICT, f"This picture can hold no receipt: {error}") from None
