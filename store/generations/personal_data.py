"""Personal data of generations, kept beside the log, which names them by salted hashes only.

The salt is kept with the data: after erasing both, the hashes in the log reveal nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from domain.generation.digests import answer_digest, salted_digest


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a client wrote and sent; the log names it by `token`."""

    generation: str
    token: str
    salt: bytes
    instructions: str
    file_names: tuple[str | None, ...]
    created_at: datetime
    metadata: Mapping[str, Any] | None = None
    webhook: str | None = None
    idempotency_key: str | None = None
    provider: Mapping[str, Any] = field(default_factory=dict)

    def digest(self, *parts: bytes) -> str:
        """Hash parts under this salt (`salted_digest`)."""
        return salted_digest(self.salt, *parts)

    def answer_digest(self, prediction: str) -> str | None:
        """Hash what the provider answered about a prediction (`answer_digest`); None where nothing is kept."""
        texts = self.provider.get(prediction)
        return None if texts is None else answer_digest(self.salt, texts)


@dataclass(frozen=True, slots=True)
class ClientTexts:
    """The part of the personal data that lists and resources show."""

    instructions: str
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ProviderTexts:
    """The provider's texts about one prediction: output addresses and its error."""

    prediction: str
    outputs: tuple[str, ...] = ()
    error: str | None = None

    @property
    def kept(self) -> dict[str, Any]:
        """The texts as they are kept under the id of the prediction."""
        return {"outputs": list(self.outputs), "error": self.error}


@dataclass(frozen=True, slots=True, order=True)
class Stored:
    """Personal data in the order of their creation."""

    created_at: datetime
    generation: str


class Unconfirmed(NamedTuple):
    """Personal data that no stream is known to name."""

    created_at: datetime
    generation: str
    token: str


class PersonalDataStore(Protocol):
    """Personal data by generation and token; a second put of the same token changes nothing."""

    async def put(self, personal_data: PersonalData) -> None: ...

    async def get(self, generation: str, token: str) -> PersonalData | None: ...

    async def texts(self, names: Sequence[tuple[str, str]], *, anew: bool = False) -> Mapping[str, ClientTexts]:
        """Map generations, named with their tokens, to what clients wrote; one without data is left out.

        They never change, so that they may come from memory, up to a minute after they were erased elsewhere; `anew`
        reads them.
        """

    async def with_webhook(self, generations: Sequence[str]) -> Sequence[str]:
        """Choose the generations whose request names a webhook."""

    async def put_provider(self, generation: str, token: str, texts: ProviderTexts) -> str | None:
        """Keep what the provider answered, unless an answer about this prediction is kept already.

        Return the salted hash for the log of the answer that is kept; None where the data are erased.
        """

    async def erase(self, generation: str, *, token: str | None = None) -> None:
        """Delete what a generation has, or only what one token names; repeatable."""

    async def erase_all(self, generations: Sequence[str]) -> None:
        """Delete what several generations have; repeatable."""

    async def created_before(self, moment: datetime, *, after: Stored | None, limit: int) -> Sequence[Stored]:
        """List what was created before a moment and behind another one, oldest first."""

    async def date_undated(self, now: datetime) -> int:
        """Let data without a time of creation count as created now, so that the sweeps reach them; return how many."""

    async def confirm(self, names: Sequence[tuple[str, str]]) -> None:
        """Record that the streams of generations name these tokens; repeatable."""

    async def unconfirmed_before(
        self, moment: datetime, *, limit: int, after: Unconfirmed | None = None
    ) -> Sequence[Unconfirmed]:
        """List what is from before `moment` and not confirmed, oldest first, behind `after`."""
