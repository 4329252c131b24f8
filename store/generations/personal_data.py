"""Words beside the log: everything personal about a generation, named in the log by salted hashes.

The salt lies with the words, so erasing them leaves hashes that say nothing about anybody.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a client said and sent, by name; `token` is the name under which the log knows it."""

    generation: str
    token: str
    salt: bytes
    instructions: str
    file_names: tuple[str | None, ...]
    created_at: datetime
    metadata: Mapping[str, Any] | None = None
    webhook: str | None = None
    idempotency_key: str | None = None
    model_input: Mapping[str, Any] | None = None
    provider: Mapping[str, Any] = field(default_factory=dict)

    def digest(self, *parts: bytes) -> str:
        """Hash parts under this salt; lengths are hashed too, so that parts cannot run into each other."""
        return salted_digest(self.salt, *parts)


@dataclass(frozen=True, slots=True)
class ProviderTexts:
    """What the provider said of one prediction: output addresses, its error text, the tail of its log."""

    prediction: str
    outputs: tuple[str, ...] = ()
    error: str | None = None


class PersonalDataStore(Protocol):
    """Keep words under their generation; a second put of the same token changes nothing."""

    async def put(self, personal_data: PersonalData) -> None: ...

    async def get(self, generation: str, token: str) -> PersonalData | None: ...

    async def metadata(self, names: Sequence[tuple[str, str]]) -> Mapping[str, Mapping[str, Any]]:
        """Map those generations of (generation, token) of whom there is metadata to it."""
        ...

    async def put_model_input(self, generation: str, token: str, model_input: Mapping[str, Any]) -> None: ...

    async def put_provider(self, generation: str, token: str, said: ProviderTexts) -> None: ...

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        """Delete the words of a generation, or only those of one token; repeatable."""
        ...

    async def confirm(self, generation: str, token: str) -> None:
        """Note that a stream names these words; repeatable."""
        ...

    async def unconfirmed_before(self, moment: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
        """List (generation, token) of words older than `moment` that no stream is known to name."""
        ...


def salted_digest(salt: bytes, *parts: bytes) -> str:
    """Hash parts under a salt as hexadecimal SHA-256."""
    hasher = hashlib.sha256(salt)
    for part in parts:
        hasher.update(len(part).to_bytes(8, "big"))
        hasher.update(part)
    return hasher.hexdigest()
