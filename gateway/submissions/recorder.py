"""Record a submission: hold a quota unit, store personal data and pictures, append the first event."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from domain.accounts.quota import period_of
from domain.errors import ErrorCode, ExemplarError
from domain.generation.estimate import estimate_of
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from events.generation import GenerationRequested
from gateway.moderation.input_moderation import InputModeration
from gateway.submissions.content import (
    Content,
    HeldQuota,
    blob_of,
    fingerprint_of,
    personal_data_of,
    requested_event,
)
from gateway.submissions.gate import SubmissionGate, held_until
from gateway.submissions.submission import Submission
from store.errors import OutcomeUnknownError, StoreError, WrongExpectedVersionError
from store.generations.blobs import Blob, BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalData, PersonalDataStore
from store.quota.admission import Admission
from store.quota.durations import EVERYONE

# A scheduled job frees holds without a stream after two minutes. The append may take nearly one minute, so a
# hold that is older than this when everything is stored is renewed first.
RENEW_HOLD_AFTER = timedelta(seconds=30)
_STORED_AT_ONCE = 2**20  # bytes: small pictures share a round trip

log = structlog.get_logger()


class Recorded(NamedTuple):
    """What is in the log of a submission; `replayed`: it was before."""

    request: GenerationRequested
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRecorder:
    """Turn a validated submission into the first event of a generation."""

    generations: Generations
    personal_data: PersonalDataStore
    blobs: BlobStore
    admission: Admission
    submission_gate: SubmissionGate
    input_moderation: InputModeration
    timeouts: Timeouts
    price: Price
    clock: Callable[[], datetime]

    async def record(self, submission: Submission, content: Content) -> Recorded:
        """Record a submission durably; a replay has no effect.

        What fails before the event can be in the log is undone at once; an unknown outcome and a cancellation
        during the append are not. Raises LimitError, ExemplarError (other content under the same key, refused
        content), OutcomeUnknownError and StoreError.
        """
        if (replay := await self.replay_of(submission, content)) is not None:
            return replay
        async with self.submission_gate.passing(submission.identity) as controls:
            await self.require_allowed(submission, content)
            return await self._record(submission, content, held_until(controls))

    async def _record(self, submission: Submission, content: Content, until: datetime | None) -> Recorded:
        """Record what nothing refuses any more but its quota; until: when operators expect to let it go on."""
        personal_data = personal_data_of(submission, content, self.clock())
        try:
            held = await self._hold_and_store(submission, personal_data, content)
            event = requested_event(submission, content, personal_data, held, self.timeouts, held_until=until)
        except BaseException:
            await asyncio.shield(self._undo(submission, personal_data))
            raise
        try:
            await self._append(submission, event)
        except WrongExpectedVersionError:
            return await self._concurrent_replay(submission, content, personal_data)
        except OutcomeUnknownError:
            raise
        except Exception:
            await asyncio.shield(self._undo(submission, personal_data))
            raise
        return Recorded(event)

    async def replay_of(self, submission: Submission, content: Content | None = None) -> Recorded | None:
        """Return what was recorded before under the Idempotency-Key, if anything; a retry needs no content for this.

        Raises as `record`; LimitError when the daily limit is used up and it is no replay.
        """
        if submission.idempotency_key is not None:
            recorded = await self._recorded(submission, content)
            if recorded is not None:
                return Recorded(recorded, replayed=True)
        if submission.overdrawn is not None:
            raise submission.overdrawn
        return None

    async def require_allowed(self, submission: Submission, content: Content) -> None:
        """Refuse instructions that must not be given to the model; raises as `InputModeration.require`."""
        await self.input_moderation.require(content.instructions, user=submission.identity.user_id)

    async def _hold_and_store(self, submission: Submission, personal_data: PersonalData, content: Content) -> HeldQuota:
        """Hold a quota unit while personal data and pictures are stored."""
        storing, held_at = asyncio.create_task(self._store(personal_data, content)), self.clock()
        try:
            held = await self._hold(submission, personal_data)
        finally:
            await storing
        if self.clock() - held_at > RENEW_HOLD_AFTER:
            held = await self._hold(submission, personal_data)
        return held

    async def _hold(self, submission: Submission, personal_data: PersonalData) -> HeldQuota:
        """Take a slot, or an entry in the queue; the month is an earlier one when an earlier attempt holds it."""
        developer = submission.identity.developer_id
        slot = await self.admission.hold(
            developer,
            submission.generation_id,
            period=period_of(personal_data.created_at),
            bounds=submission.bounds,
            queue_for=submission.identity.user_id if submission.queue else None,
        )
        queued = submission.queue and await self.admission.is_queued(developer, submission.generation_id)
        durations = await self.admission.durations(EVERYONE)
        estimate = estimate_of(durations, start=personal_data.created_at, price=self.price)
        return HeldQuota(slot.period, queued, estimate.cost_microusd)

    async def _store(self, personal_data: PersonalData, content: Content) -> None:
        """Store personal data before pictures: clean-up after a crash finds pictures by personal data."""
        await self.personal_data.put(personal_data)
        read = list[Blob]()
        for number, image in enumerate(content.images):
            if content.stored_at(number) != number:
                continue
            read.append(await blob_of(personal_data, image, number))
            if sum(len(blob.data) for blob in read) >= _STORED_AT_ONCE:
                await self.blobs.put(*read)
                read.clear()
        await self.blobs.put(*read)

    async def _append(self, submission: Submission, event: GenerationRequested) -> None:
        """Append the first event; an unknown outcome is resolved by reading the stream."""
        try:
            await self.generations.begin(submission.generation_id, event, cause=submission.cause)
        except OutcomeUnknownError:
            with suppress(StoreError):
                generation = await self.generations.load(submission.generation_id)
                if generation is not None and generation.request.personal_data == event.personal_data:
                    return
            raise

    async def _concurrent_replay(
        self, submission: Submission, content: Content, personal_data: PersonalData
    ) -> Recorded:
        """Give way to another request with the same key, which appended first and uses the same hold."""
        await self._erase(personal_data)
        recorded = await self._recorded(submission, content)
        if recorded is None:
            raise OutcomeUnknownError(submission.generation_id)
        return Recorded(recorded, replayed=True)

    async def _recorded(self, submission: Submission, content: Content | None) -> GenerationRequested | None:
        """Return the same content that is recorded under this id; raises for other content."""
        generation = await self.generations.load(submission.generation_id)
        if generation is None:
            return None
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE)
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None:
            raise ExemplarError(ErrorCode.GONE)
        if fingerprint_of(personal_data, content, submission.retry) != generation.request.fingerprint:
            raise ExemplarError(ErrorCode.IDEMPOTENCY_MISMATCH)
        return generation.request

    async def _erase(self, personal_data: PersonalData) -> None:
        await self.blobs.erase(personal_data.generation, token=personal_data.token)
        await self.personal_data.erase(personal_data.generation, token=personal_data.token)

    async def _undo(self, submission: Submission, personal_data: PersonalData) -> None:
        """Release and erase what was held and stored; what fails here is left to the scheduled jobs."""
        generation_id = submission.generation_id
        try:
            generation = await self.generations.load(generation_id)
            if generation is None:
                shared = submission.idempotency_key is not None  # another request with the key may hold it too
                await self.admission.release(submission.identity.developer_id, generation_id, held_once=shared)
            if generation is None or generation.request.personal_data != personal_data.token:
                await self._erase(personal_data)
        except Exception as error:  # noqa: BLE001 - the caller raises the first error
            log.warning("submission_not_undone", generation_id=generation_id, error=type(error).__name__)
