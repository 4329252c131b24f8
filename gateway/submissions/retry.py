"""`POST .../{id}/retry`: make a finished generation once more, from what is kept of it."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from aiohttp import web

from domain.errors import ErrorCode, ExemplarError, FieldError
from domain.generation.generation import Generation
from events.generation import Example
from gateway.generations.links import PREFIX
from gateway.generations.routes import GenerationRoutes
from gateway.http.bodies import read_json_object
from gateway.submissions.content import Retry, SeedChoice
from gateway.webhooks.checks import check_request
from store.generations.blobs import BlobStore

_SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class KeptImage:
    """An example of the original; its bytes are read when they are copied, one picture at a time."""

    generation: str
    header: Example
    sha256: str
    filename: str | None
    blobs: BlobStore

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return self.header.size

    async def read(self) -> bytes:
        """Return its bytes; raises ExemplarError `gone` when they were deleted meanwhile."""
        blob = await self.blobs.get(self.generation, self.header.digest)
        if blob is None:
            raise _gone()
        return blob.data


@dataclass(frozen=True, slots=True)
class KeptContent:
    """What the store has of the original."""

    images: tuple[KeptImage, ...]
    instructions: str
    metadata: Mapping[str, object] | None
    webhook: str | None
    webhook_events_filter: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRoutes:
    """What the route needs; `table` lists it."""

    owned: GenerationRoutes

    def table(self) -> list[web.RouteDef]:
        """List the route."""
        return [web.post(PREFIX + "/{generation_id}/retry", self.retry)]

    async def retry(self, request: web.Request) -> web.Response:
        """Record a new generation like an old one and answer as for a submission.

        A known Idempotency-Key is answered even when the original is gone by now. The original's webhook is
        judged like a new one: what was allowed then may be forbidden today.
        """
        identity = await self.owned.admit(request)
        retry = Retry(request.match_info["generation_id"].lower(), await _read_choice(request))
        asked = self.owned.asked(request, identity, retry)
        if await self.owned.submitting.repeats(asked):
            return await self.owned.waited(request, asked, self.owned.accepted(request, asked, replayed=True))
        original = await self.owned.existing(retry.of, identity)
        if not original.final:
            raise ExemplarError(ErrorCode.CONFLICT, "Only a finished generation can be retried")
        content = await self._kept(original)
        check_request(content.webhook, content.webhook_events_filter, self.owned.webhook_allow)
        seeded = replace(asked, retry=replace(retry, seed=_seed(original, retry.choice)))
        with self.owned.budget.lease() as lease:
            # Copied one at a time: the largest is all that is held at once.
            await lease.use(max(image.size for image in content.images))
            answer = await self.owned.submit(request, seeded, content)
        return await self.owned.waited(request, seeded, answer)

    async def _kept(self, original: Generation) -> KeptContent:
        """Find what the original was made of; raises ExemplarError `gone` when some of it is missing."""
        personal_data = await self.owned.personal_data.get(original.id, original.request.personal_data)
        hashes = await self.owned.blobs.hashes(original.id)
        examples = original.request.examples
        if personal_data is None or not all(example.digest in hashes for example in examples):
            raise _gone()
        images = (
            KeptImage(original.id, example, hashes[example.digest], name, self.owned.blobs)
            for example, name in zip(examples, personal_data.file_names, strict=True)
        )
        webhook_events = original.request.webhook_events
        return KeptContent(
            tuple(images),
            personal_data.instructions,
            personal_data.metadata,
            personal_data.webhook,
            webhook_events,
        )


def _gone() -> ExemplarError:
    return ExemplarError(ErrorCode.GONE, "Example images are no longer kept")


def _seed(original: Generation, choice: SeedChoice) -> int | None:
    """Choose the seed; None leaves it to the instructions, as for an original that never had one."""
    used = original.validated.seed if original.validated else original.request.seed
    if choice == "same":
        return used
    drawn = secrets.randbelow(_SEEDS)
    return drawn if drawn != used else (drawn + 1) % _SEEDS


async def _read_choice(request: web.Request) -> SeedChoice:
    """Read `seed` from a JSON body; without one, a new picture is wanted and so a new seed."""
    if not await request.read():
        return "new"
    match (await read_json_object(request)).get("seed", "new"):
        case "same":
            return "same"
        case "new":
            return "new"
    raise FieldError(
        ErrorCode.INVALID_REQUEST, ("body", "seed"), "must be one of: same, new", "value_error.const"
    )
