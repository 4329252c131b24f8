"""What a generation is made of: as it was just uploaded, or as it lies in the store since another one."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from events.generation import Example
from store.generations.personal_data import PersonalData

SeedChoice = Literal["same", "new"]


class Measured(Protocol):
    """What is known of a picture without decoding it; width and height in pixels."""

    @property
    def content_type(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class Image(Protocol):
    """One example picture: `size` in bytes, `sha256` in hexadecimal."""

    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> str: ...
    @property
    def header(self) -> Measured: ...
    @property
    def filename(self) -> str | None: ...
    async def read(self) -> bytes: ...


class Content(Protocol):
    """Everything that is stored of a request."""

    @property
    def images(self) -> Sequence[Image]: ...
    @property
    def instructions(self) -> str: ...
    @property
    def metadata(self) -> Mapping[str, object] | None: ...
    @property
    def webhook(self) -> str | None: ...
    @property
    def webhook_events_filter(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Retry:
    """Which generation is made once more; `seed` is fixed when the original has been looked at."""

    of: str
    choice: SeedChoice
    seed: int | None = None


def fingerprint_of(personal_data: PersonalData, content: Content | None, retry: Retry | None) -> str:
    """Hash what a repeat must have in common: instructions and the ordered hashes of the files.

    A retry is known by its original, whose content never changes, and by the choice of the seed.
    """
    if retry is not None:
        return personal_data.digest(b"retry", retry.of.encode(), retry.choice.encode())
    if content is None:
        raise ValueError("only a retry is known without its content")
    hashes = (bytes.fromhex(image.sha256) for image in content.images)
    return personal_data.digest(content.instructions.encode(), *hashes)


def digests_of(personal_data: PersonalData, content: Content) -> Sequence[str]:
    """Name the pictures: a salted hash of place and content, so that equal pictures keep their own names."""
    return [
        hashlib.sha256(
            personal_data.salt + number.to_bytes(2, "big") + bytes.fromhex(image.sha256)
        ).hexdigest()
        for number, image in enumerate(content.images)
    ]


def examples_of(personal_data: PersonalData, content: Content) -> tuple[Example, ...]:
    """Describe the pictures for the log."""
    return tuple(
        Example(
            digest=digest,
            content_type=image.header.content_type,
            width=image.header.width,
            height=image.header.height,
            size=image.size,
        )
        for digest, image in zip(digests_of(personal_data, content), content.images, strict=True)
    )
