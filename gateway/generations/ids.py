"""Generation ids: random, or derived from an Idempotency-Key so that the key claims its stream."""

import hmac
from dataclasses import dataclass, field
from uuid import UUID

from uuid_utils import uuid7


@dataclass(frozen=True, slots=True)
class GenerationIds:
    """Make generation ids; gateways with the same key derive the same ids."""

    id_key: bytes = field(repr=False)

    def new(self) -> str:
        """Return a new UUIDv7."""
        return str(uuid7())

    def of_key(self, project: str, user: str, idempotency_key: str) -> str:
        """Return the id that an Idempotency-Key of a user always leads to."""
        message = f"{project}\0{user}\0{idempotency_key}".encode()
        return str(uuid8(hmac.digest(self.id_key, message, "sha256")))


def uuid8(digest: bytes) -> UUID:
    """Make a UUIDv8 (RFC 9562, 5.8) of the first 16 bytes; `uuid` lacks version 8 before Python 3.14."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # the version
    number = number & ~(0x3 << 62) | 2 << 62  # the variant
    return UUID(int=number)
