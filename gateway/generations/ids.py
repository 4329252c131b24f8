"""Generation ids: random, or derived from an Idempotency-Key so that the key claims its stream."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from uuid_utils import uuid7

from store.generations.generations import Generations


@dataclass(frozen=True, slots=True)
class GenerationIds:
    """Make generation ids; gateways with the same keys derive the same ids."""

    id_keys: Sequence[bytes] = field(repr=False)
    generations: Generations

    def new(self) -> str:
        """Return a new UUIDv7."""
        return str(uuid7())

    async def of_key(self, project: str, user: str, idempotency_key: str) -> str:
        """Return the id that an Idempotency-Key of a user always leads to.

        That is the id by a former key where its generation exists, else the one by the first key.
        """
        message = f"{project}\0{user}\0{idempotency_key}".encode()
        derived, *former = (str(uuid8(hmac.digest(key, message, "sha256"))) for key in self.id_keys)
        for generation_id in former:
            if await self.generations.load(generation_id) is not None:
                return generation_id
        return derived


def uuid8(digest: bytes) -> UUID:
    """Make a UUIDv8 (RFC 9562, 5.8) of the first 16 bytes; `uuid` lacks version 8 before Python 3.14."""
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # the version
    number = number & ~(0x3 << 62) | 2 << 62  # the variant
    return UUID(int=number)
