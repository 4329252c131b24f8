"""Pictures of earlier generations as examples: they are read from the store like those of a retry."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from domain.errors import ErrorCode, ExemplarError
from domain.submission.stored_examples import own_picture, parse_reference
from gateway.submissions.content import ContentImage
from gateway.submissions.uploads.parts import ImagePart, StoredPart
from store.generations.blobs import BlobStore
from store.generations.generations import Generations


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPictures:
    """Find what a form names of a user's earlier generations."""

    generations: Generations
    blobs: BlobStore

    async def find(self, parts: Sequence[ImagePart | StoredPart], developer: str, user: str) -> int:
        """Put what is found, or its refusal, into each part that names a picture; return the bytes of the largest.

        Raises StoreError.
        """
        largest = 0
        for number, part in enumerate(parts):
            if isinstance(part, StoredPart):
                try:
                    part.image = await self._image(part, developer, user)
                    largest = max(largest, part.image.size)
                except ExemplarError as error:
                    error.loc = ("body", part.field, number)
                    part.refusal = error
        return largest

    async def _image(self, part: StoredPart, developer: str, user: str) -> ContentImage:
        """Describe a picture of the user; its bytes are read when they are copied."""
        reference = parse_reference(part.field, part.text)
        generation = await self.generations.load(reference.generation)
        picture = own_picture(part.field, reference, generation, developer=developer, user=user)
        sha256 = (await self.blobs.hashes(reference.generation)).get(picture.digest)
        if sha256 is None:
            raise _gone()
        return ContentImage(
            size=picture.size,
            sha256=sha256,
            content_type=picture.content_type,
            width=picture.width,
            height=picture.height,
            filename=None,
            read=partial(self._read, reference.generation, picture.digest),
            is_stored=True,
        )

    async def _read(self, generation: str, digest: str) -> bytes:
        blob = await self.blobs.get(generation, digest)
        if blob is None:
            raise _gone()
        return blob.data


def _gone() -> ExemplarError:
    return ExemplarError(ErrorCode.GONE, "The image is no longer kept")
