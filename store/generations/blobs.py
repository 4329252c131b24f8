"""Pictures beside the log, by generation and salted hash; generations share none."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

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


class BlobStore(Protocol):
    """Pictures by generation and digest; a second put of the same digest changes nothing."""

    async def put(self, *blobs: Blob) -> None: ...

    async def get(self, generation: str, digest: str) -> Blob | None: ...

    async def hashes(self, generation: str) -> dict[str, str]:
        """Map each digest of a generation to the plain SHA-256 of its bytes."""

    async def erase(self, generation: str, *, token: str | None = None, kind: Kind | None = None) -> None:
        """Delete the pictures of a generation, or only those of one token, or one kind; repeatable."""

    async def expire(self, kind: Kind, before: datetime) -> int:
        """Delete pictures of a kind made before a moment; return how many."""
