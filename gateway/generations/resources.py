"""A generation as its owner reads it: the fold of its stream, its personal data and signed links."""

import asyncio
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from aiohttp import web

from domain.errors import FailureCode
from domain.generation.generation import Generation, state_of
from domain.generation.lifecycle import expires_at
from events.envelope import format_time
from events.generation import Picture
from gateway.generations import answers
from gateway.generations.figures import cost_body, timings_body
from gateway.generations.links import Links, step_of
from gateway.generations.warnings import written_warnings
from store.byte_cache import ByteCache
from store.generations.blobs import BlobStore
from store.generations.personal_data import ClientTexts, PersonalDataStore

View = Literal["own", "developer", "public"]
"""Who reads a resource: its owner, the developer of the project, or everyone in the project."""

MESSAGES: Mapping[FailureCode, str] = {
    FailureCode.INVALID_IMAGE: "An example image could not be decoded",
    FailureCode.QUOTA_EXCEEDED: "The generation limit was reached before the request could run",
    FailureCode.CONTENT_FLAGGED: "The result was withheld by the content filter; try another prompt",
    FailureCode.PROVIDER_REFUSED: "The image model refused the request",
    FailureCode.PROVIDER_FAILED: "The image model failed; try again",
    FailureCode.PROVIDER_CANCELED: "The image model gave up the request; try again",
    FailureCode.INVOCATION_LOST: "The image model could not be reached; try again",
    FailureCode.OUTPUT_UNAVAILABLE: "The result could not be fetched from the image model; try again",
    FailureCode.OUTPUT_INVALID: "The image model returned something that is not a usable image",
    FailureCode.START_DEADLINE: "The request could not be started in time; try again",
    FailureCode.START_TIMEOUT: "The request was not started within its own time",
    FailureCode.FINISH_DEADLINE: "The request did not finish in time; try again",
    FailureCode.CANCEL_AFTER: "The request did not finish within its own Cancel-After",
    FailureCode.CANCELED: "The request was canceled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationResources:
    """Write resources with what the store holds beside the log.

    They are kept as encoded, under all that they depend on but personal data and pictures, which never change and
    may be erased: what is erased is not shown again, because its version is another.
    """

    personal_data: PersonalDataStore
    blobs: BlobStore
    links: Links
    clock: Callable[[], datetime]
    _cache: ByteCache = field(default_factory=ByteCache, init=False)

    async def write(self, request: web.Request, generation: Generation) -> dict[str, Any]:
        """Write the owner's resource for this request's base URL."""
        [encoded] = await self.encoded(request, [generation])
        resource: dict[str, Any] = json.loads(encoded)
        return resource

    async def encoded(
        self, request: web.Request, generations: Sequence[Generation], view: View = "own"
    ) -> Sequence[bytes]:
        """Encode resources as JSON; what is not in the cache is read in two round trips for all."""
        base, now = self.links.base(request), self.clock()
        step = step_of(now)
        keys = [(view, base, step, one.id, one.version) for one in generations]
        found = self._cache.get_all(keys)
        if len(found) < len(keys):
            missing = {key: one for key, one in zip(keys, generations, strict=True) if key not in found}
            texts, hashes = await self._beside_the_log(missing.values(), view)
            for key, one in missing.items():
                written = self._written(one, texts.get(one.id), hashes.get(one.id, {}), view=view, base=base, now=now)
                found[key] = json.dumps(written).encode()
                if one.id in texts:
                    self._cache.put(key, found[key])
        return [found[key] for key in keys]

    async def _beside_the_log(
        self, generations: Collection[Generation], view: View
    ) -> tuple[Mapping[str, ClientTexts], Mapping[str, Mapping[str, str]]]:
        """Read the texts of generations, and the hashes of their pictures where the view shows them."""
        pictured = [one.id for one in generations if one.pictures and view != "public"]
        texts, hashes = await asyncio.gather(
            self.personal_data.texts([(one.id, one.request.personal_data) for one in generations if not one.erased]),
            asyncio.gather(*map(self.blobs.hashes, pictured)),
        )
        return texts, dict(zip(pictured, hashes, strict=True))

    def _written(
        self,
        generation: Generation,
        texts: ClientTexts | None,
        hashes: Mapping[str, str],
        *,
        view: View,
        base: str,
        now: datetime,
    ) -> answers.PublicGeneration | answers.OwnedGeneration | answers.ProjectGeneration:
        if view == "public":
            return public_resource_of(generation, texts, links=self.links, base=base)
        resource = resource_of(generation, texts, hashes, links=self.links, base=base, now=now)
        if view == "own":
            return resource
        return answers.ProjectGeneration(**resource, user_id=generation.request.owner.user)


def json_body(encoded: bytes, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer JSON that is encoded already."""
    return web.Response(body=encoded, headers=headers, content_type="application/json", charset="utf-8")


def with_member(encoded: bytes, name: str, value: object) -> bytes:
    """Add a member to an encoded JSON object that has others."""
    return encoded[:-1] + f", {json.dumps(name)}: {json.dumps(value)}".encode() + b"}"


def etag_of(generation: Generation, now: datetime) -> str:
    """Name the version of a resource; the hour that its signed links count from is part of it."""
    return f'"{generation.version}-{step_of(now)}"'


def public_resource_of(
    generation: Generation, texts: ClientTexts | None, *, links: Links, base: str
) -> answers.PublicGeneration:
    """Write what publishing reveals: the pictures and what they were made of.

    Every link lasts as long as the generation is public, none is signed; the example pictures, which stay
    private, are an empty list.
    """
    images: list[answers.PublicImage] = [
        _image(picture, links.public_picture(base, generation.id, number))
        for number, picture in enumerate(generation.pictures)
    ]
    return {**_shared(generation, texts, images, []), "result": {"images": images} if images else None}


def resource_of(
    generation: Generation,
    texts: ClientTexts | None,
    hashes: Mapping[str, str],
    *,
    links: Links,
    base: str,
    now: datetime,
) -> answers.OwnedGeneration:
    """Write the resource; `hashes` maps a picture's salted digest to its plain SHA-256."""
    images = [
        _own_image(picture, _url(generation, number, links, base, now), hashes)
        for number, picture in enumerate(generation.pictures)
    ]
    examples = range(len(generation.request.examples))
    pictures = [links.picture(base, generation.id, "examples", number, now) for number in examples]
    urls, failure, expires = links.urls(base, generation.id), _failure(generation), expires_at(generation)
    if not generation.is_public:
        urls["image"] = links.first_image(base, generation.id, now)
    return {
        **_shared(generation, texts, images, pictures),
        "result": {"images": images} if images else None,
        "state": state_of(generation),
        "error": failure["message"] if failure else None,
        "failure": failure,
        "version": generation.version,
        "start_by": format_time(generation.request.start_by),
        "deadline": format_time(generation.request.finish_by),
        "expires_at": format_time(expires) if expires else None,
        "warnings": written_warnings(generation.request.warnings),
        "timings": timings_body(generation),
        "cost": cost_body(generation),
        "retry_of": generation.request.retry_of,
        "request_id": generation.request_id,
        "metadata": dict(texts.metadata) if texts else {},
        "urls": urls,
    }


def _shared(
    generation: Generation, texts: ClientTexts | None, images: Sequence[answers.PublicImage], examples: list[str]
) -> answers.SharedGeneration:
    """Write what the owner and the others in the project see."""
    url = images[0]["url"] if images else None
    return {
        "id": generation.id,
        "status": generation.status,
        "generated_image_url": url,
        "result_image_url": url,
        "instructions": texts.instructions if texts else "",
        "is_public": generation.is_public,
        "created_at": format_time(generation.created_at),
        "updated_at": format_time(generation.updated_at),
        "completed_at": format_time(generation.finished_at) if generation.finished_at else None,
        "example_images": examples,
    }


def _url(generation: Generation, number: int, links: Links, base: str, now: datetime) -> str:
    if generation.is_public:
        return links.public_picture(base, generation.id, number)
    return links.picture(base, generation.id, "images", number, now)


def _image(picture: Picture, url: str) -> answers.PublicImage:
    return {"url": url, "width": picture.width, "height": picture.height, "content_type": picture.content_type}


def _own_image(picture: Picture, url: str, hashes: Mapping[str, str]) -> answers.ResultImage:
    return {**_image(picture, url), "sha256": hashes.get(picture.digest), "size_bytes": picture.size}


def _failure(generation: Generation) -> answers.Failure | None:
    failure = generation.failure
    if failure is None:
        return None
    code = FailureCode(failure.code)
    return {"code": code, "stage": failure.stage, "retryable": failure.retryable, "message": MESSAGES[code]}
