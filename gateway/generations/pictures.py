"""Routes of pictures: with a signed link without a token, or with the owner's token."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation.generation import Generation
from domain.paths import GENERATION
from events.generation import StoredImage
from gateway.auth.authentication import Authenticator
from gateway.generations.access import GenerationAccess, path_generation_id
from gateway.generations.links import Links, PictureKind
from gateway.generations.picture_sender import PictureSender
from gateway.http.conditional import UNCHANGED
from gateway.openapi.operation import get
from gateway.receipts.variants import PictureVariants, Variant
from store.generations.generations import Generations

_link = partial(
    get,
    caller="link",
    query=("expires", "receipt"),
    headers=("Range", "If-None-Match"),
    answer={"image/*": None},
    also={206: "The part that Range asks for", **UNCHANGED},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureRoutes:
    """Answer result and example pictures."""

    authenticator: Authenticator
    generation_access: GenerationAccess
    generations: Generations
    picture_sender: PictureSender
    picture_variants: PictureVariants
    links: Links
    clock: Callable[[], datetime]

    @_link(f"{GENERATION}/image")
    async def first_image(self, request: web.Request) -> web.StreamResponse:
        """Read the first picture, by signed link."""
        return await self._picture(request, "images", 0)

    @_link(GENERATION + "/images/{number:[0-9]{1,2}}")
    async def image(self, request: web.Request) -> web.StreamResponse:
        """Read a picture, numbered from 0, by signed link."""
        return await self._picture(request, "images", int(request.match_info["number"]))

    @_link(GENERATION + "/examples/{number:[0-9]{1,2}}")
    async def example(self, request: web.Request) -> web.StreamResponse:
        """Read an example as it was sent, numbered from 0, by signed link."""
        return await self._picture(request, "examples", int(request.match_info["number"]))

    async def _picture(self, request: web.Request, kind: PictureKind, number: int) -> web.StreamResponse:
        variant = _variant(request, kind)
        generation = await self._allowed(request, kind, number, variant)
        pictures: Sequence[StoredImage] = generation.pictures if kind == "images" else generation.request.examples
        if number >= len(pictures):
            raise ExemplarError(ErrorCode.NOT_FOUND, "Image not found")
        headers = _headers(public=generation.is_public and kind == "images" and variant is None)
        if variant is not None:
            return await self.picture_variants.answer(request, generation, number, variant, headers)
        return await self.picture_sender.answer(request, generation.id, pictures[number], headers)

    async def _allowed(
        self, request: web.Request, kind: PictureKind, number: int, variant: Variant | None
    ) -> Generation:
        """Load the generation if the link is signed, the picture is public or the caller owns it.

        Publishing reveals no receipt, which tells the cost and the seed.
        """
        generation_id = path_generation_id(request)
        signed = self.links.is_signed(request.query, generation_id, kind, number, self.clock())
        generation = await self.generations.load(generation_id)
        public = generation is not None and generation.is_public and kind == "images" and variant is None
        if generation is None or not (signed or public):
            return await self.generation_access.own(request)
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE, "Generation was deleted")
        if not await self.authenticator.is_reachable(generation.request.owner):
            raise ExemplarError(ErrorCode.NOT_FOUND, "Image not found")
        return generation


def _variant(request: web.Request, kind: PictureKind) -> Variant | None:
    """Read which variant of a result is asked for; None for the picture as it is stored."""
    match request.query.getall("receipt", []):
        case []:
            return None
        case [("embedded" | "c2pa") as variant] if kind == "images":
            return variant
        case [_] if kind == "examples":
            raise invalid_field("query", "receipt", "examples have no receipt")
        case _:
            raise invalid_field("query", "receipt", "must be embedded or c2pa")


def _headers(*, public: bool) -> dict[str, str]:
    """Return headers that keep browsers from running a picture as a page."""
    return {
        "Cache-Control": "public, max-age=3600" if public else "private, max-age=3600",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
