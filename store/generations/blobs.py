"""Pictures beside the log, by generation and salted hash; generations share none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

PIECE: Final = 256 * 1024
"""Bytes of a picture that are read, and checked against a hash, as one."""

Kind = Literal["example", "result"]


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of a picture; `sha256` is the plain hash of `data`, for clients that check them."""

    generation: str
    digest: str
    token: str
    kind: Kind
    content_type: str
    data: bytes
    sha256: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BlobPart:
    """Consecutive bytes of a picture, in the pieces that they are stored in; `sha256` is that of the whole."""

    sha256: str
    pieces: Sequence[memoryview]


class BlobStore(Protocol):
    """Pictures by generation and digest; a second put of the same digest changes nothing.

    Whatever is read was compared with its hash before; raises DamagedBlobError.
    """

    async def put(self, *blobs: Blob) -> None: ...

    async def get(self, generation: str, digest: str) -> Blob | None: ...

    async def get_all(self, generation: str, digests: Sequence[str]) -> Sequence[Blob | None]:
        """Read several pictures of a generation at once, in the order of their digests."""

    async def part(self, generation: str, digest: str, start: int, stop: int) -> BlobPart | None:
        """Read the bytes from `start` to before `stop`, and of the others at most those of the same piece."""

    async def hashes(self, generation: str) -> dict[str, str]:
        """Map each digest of a generation to the plain SHA-256 of its bytes."""

    async def erase(self, generation: str, *, token: str | None = None, kind: Kind | None = None) -> None:
        """Delete the pictures of a generation, or only those of one token, or one kind; repeatable."""

    async def expire(self, kind: Kind, before: datetime) -> int:
        """Delete pictures of a kind made before a moment; return how many."""

    async def sweep(self) -> int:
        """Delete bytes that were written, but never became a picture, and that nothing else finds; return how many."""


def cut(pieces: Sequence[bytes], first: int, start: int, stop: int) -> Sequence[memoryview]:
    """Cut the bytes from `start` to before `stop` out of pieces, the first of which is piece `first`."""
    offsets = [(first + number) * PIECE for number in range(len(pieces))]
    return [
        memoryview(piece)[max(start - offset, 0) : stop - offset] for piece, offset in zip(pieces, offsets, strict=True)
    ]
