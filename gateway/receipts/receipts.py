from dataclasses import dataclass

from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation, stream_of
from domain.receipts.receipt import Receipt, ReceiptPersonalData
from domain.receipts.statement import completing_commit, receipt_of
from gateway.audit.contradictions import alarming
from gateway.receipts.settings import ReceiptSettings
from store.audit.checkpoints import Checkpoints
from store.audit.proofs import NothingToProveError, prove_inclusion
from store.commits.contract import EventStore
from store.generations.blobs import BlobStore
from store.generations.personal_data import PersonalDataStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Sign receipts of pictures.

    A receipt follows from the log and from the earliest checkpoint that covers the completion, so that the same
    picture has the same receipt as long as nothing is erased and no witness signs that checkpoint.
    """

    events: EventStore
    blobs: BlobStore
    personal_data: PersonalDataStore
    checkpoints: Checkpoints
    receipt_settings: ReceiptSettings

    async def issue(self, generation: Generation, number: int, *, personal_data: bool = False) -> Receipt:
        """Sign the receipt of a picture, numbered from 0, with personal data if they are wanted and kept.

        Raises `receipts_disabled`, `receipt_pending`, `not_found`, `gone`, `damaged`.
        """
        signer = self.receipt_settings.receipt_signer
        if signer is None:
            raise ExemplarError(ErrorCode.RECEIPTS_DISABLED)
        hashes = await self._hashes(generation, number)
        commits = await self.events.read(stream_of(generation.id))
        with alarming():
            try:
                proof = await prove_inclusion(completing_commit(commits), self.checkpoints, earliest=True)
            except NothingToProveError:
                message = "The generation is under no checkpoint yet; one is made each minute"
                raise ExemplarError(ErrorCode.RECEIPT_PENDING, message) from None
        return receipt_of(
            commits,
            number,
            log=self.receipt_settings.checkpoint_origin,
            sha256=hashes[generation.pictures[number].digest],
            proof=proof.text(),
            personal_data=await self._personal_data(generation, hashes) if personal_data else None,
        ).signed(signer)

    async def _hashes(self, generation: Generation, number: int) -> dict[str, str]:
        """Map the pictures of a generation that are kept to their plain hashes; the one that is asked for must be."""
        if not generation.final:
            raise ExemplarError(ErrorCode.RECEIPT_PENDING, "The generation is not finished")
        if number >= len(generation.pictures):
            raise ExemplarError(ErrorCode.NOT_FOUND, "Image not found")
        hashes = await self.blobs.hashes(generation.id)
        if generation.pictures[number].digest not in hashes:
            raise ExemplarError(ErrorCode.GONE, "Image is no longer kept")
        return hashes

    async def _personal_data(self, generation: Generation, hashes: dict[str, str]) -> ReceiptPersonalData | None:
        request = generation.request
        found = await self.personal_data.get(generation.id, request.personal_data)
        if found is None:
            return None
        examples = tuple(hashes.get(example.digest) for example in request.examples)
        return ReceiptPersonalData(salt=found.salt.hex(), instructions=found.instructions, examples=examples)
