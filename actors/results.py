import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from actors.imaging.decoder import Decoder
from actors.providers.provider import OutputGoneError, Provider
from actors.read_ahead import ReadAhead
from domain.generation.generation import Generation, State
from events.generation import GenerationRequested, Picture
from events.invocation import PredictionSettled
from store.crash_points import crash_point
from store.generations.blobs import Blob, BlobStore
from store.generations.personal_data import PersonalData, PersonalDataStore

_ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The result pictures of generations: kept as blobs, because the provider deletes its copies."""

    personal_data: PersonalDataStore
    blobs: BlobStore
    provider: Provider
    decoder: Decoder
    clock: Callable[[], datetime]
    read_ahead: ReadAhead = field(default_factory=ReadAhead)

    def look_ahead(self, generation_id: str, request: GenerationRequested) -> None:
        """Begin to read what `fetch` needs: the provider's answer is kept before the event that it has settled."""
        read = self.personal_data.get(generation_id, request.personal_data)
        self.read_ahead.begin(generation_id, _ANSWER, read)

    async def fetch(self, generation: Generation, settled: PredictionSettled) -> list[Picture]:
        """Download, check and store the outputs of a prediction; repeatable.

        Raises OutputGoneError, OutputRefusedError, InvalidPicture, ProviderUnavailableError.
        """
        token = generation.request.personal_data
        personal_data = await self.read_ahead.take(
            generation.id, _ANSWER, lambda: self.personal_data.get(generation.id, token)
        )
        texts = personal_data.provider.get(settled.prediction, {}) if personal_data else {}
        if personal_data is None or not texts.get("outputs"):
            raise OutputGoneError("no address is known")
        developer = generation.request.owner.developer
        return [await self._store(generation.id, developer, personal_data, url) for url in texts["outputs"]]

    async def discard_unused(self, generation: Generation | None) -> None:
        """Erase the pictures of a generation that failed or was erased while they were fetched."""
        if generation is not None and (generation.erased or generation.state is State.FAILED):
            await self.blobs.erase(generation.id, kind="result")

    async def _store(self, generation_id: str, developer: str, personal_data: PersonalData, url: str) -> Picture:
        data = await self.provider.download(url)
        decoded = await self.decoder.check(data, developer=developer)
        digest = personal_data.digest(data)
        crash_point("completion", "before_blob")
        await self.blobs.put(
            Blob(
                generation=generation_id,
                digest=digest,
                token=personal_data.token,
                kind="result",
                content_type=decoded.content_type,
                data=data,
                sha256=hashlib.sha256(data).hexdigest(),
                created_at=self.clock(),
            )
        )
        return Picture(
            digest=digest,
            content_type=decoded.content_type,
            width=decoded.width,
            height=decoded.height,
            size=len(data),
        )
