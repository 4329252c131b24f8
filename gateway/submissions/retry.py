"""What a retry needs: the content that the store keeps of the original, and the choice of the seed."""

import secrets
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, invalid_field
from domain.generation.generation import Generation
from domain.submission.warnings import OF_THE_MOMENT, RequestWarning, WarningCode
from gateway.http.bodies import read_json_object
from gateway.http.parsing import require_known
from gateway.submissions.content import Content, ContentImage
from gateway.submissions.submission import Retry, SeedChoice
from store.generations.blobs import BlobStore
from store.generations.personal_data import PersonalDataStore

_SEEDS = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptContents:
    """Read the content of earlier generations."""

    personal_data: PersonalDataStore
    blobs: BlobStore

    async def read(self, original: Generation) -> Content:
        """Return what the original was made from; raises ExemplarError `gone` when some of it is missing.

        The bytes of a picture are read from the store when they are copied, one picture at a time.
        """
        personal_data = await self.personal_data.get(original.id, original.request.personal_data)
        hashes = await self.blobs.hashes(original.id)
        examples = original.request.examples
        if personal_data is None or not all(example.digest in hashes for example in examples):
            raise _gone()
        images = tuple(
            ContentImage(
                size=example.size,
                sha256=hashes[example.digest],
                content_type=example.content_type,
                width=example.width,
                height=example.height,
                filename=name,
                read=partial(self._read, original.id, example.digest),
            )
            for example, name in zip(examples, personal_data.file_names, strict=True)
        )
        kept, request = personal_data, original.request
        return Content(
            images,
            kept.instructions,
            kept.metadata,
            kept.webhook,
            request.webhook_events,
            warnings=tuple(
                RequestWarning(WarningCode(one.code), one.example)
                for one in request.warnings
                if one.code not in OF_THE_MOMENT
            ),
        )

    async def _read(self, generation: str, digest: str) -> bytes:
        blob = await self.blobs.get(generation, digest)
        if blob is None:
            raise _gone()
        return blob.data


def _gone() -> ExemplarError:
    return ExemplarError(ErrorCode.GONE, "Example images are no longer kept")


def with_seed(retry: Retry, original: Generation) -> Retry:
    """Choose the seed; None leaves it to the instructions, as for an original that never had one."""
    used = original.validated.seed if original.validated else original.request.seed
    drawn = secrets.randbelow(_SEEDS)
    new = drawn if drawn != used else (drawn + 1) % _SEEDS
    return Retry(retry.of, retry.choice, used if retry.choice == "same" else new)


async def read_seed_choice(request: web.Request) -> SeedChoice:
    """Read `seed` from a JSON body; without a body the retry draws a new seed."""
    if not await request.read():
        return "new"
    body = await read_json_object(request)
    require_known(body, ("seed",))
    match body.get("seed", "new"):
        case "same" | "new" as choice:
            return choice
    raise invalid_field("body", "seed", "must be one of: same, new", "value_error.const")
