"""Admit a submission: hold, store words and pictures, append. Accepted means durably recorded."""

import asyncio
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from uuid_utils import uuid7

from domain.accounts.access import Identity
from domain.accounts.quota import period_of
from domain.errors import ErrorCode, ExemplarError
from domain.generation.fold import fold
from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from events.envelope import Cause
from events.generation import GenerationRequested, Owner
from gateway.submissions.content import Content, digests_of, examples_of, fingerprint_of
from gateway.submissions.ids import uuid8
from gateway.submissions.submission import Request
from gateway.submissions.write_through import WriteThrough
from store.errors import OutcomeUnknownError, StoreError, WrongExpectedVersionError
from store.generations.blobs import Blob, BlobStore
from store.generations.generations import Generations
from store.generations.personal_data import PersonalData, PersonalDataStore
from store.quota.admission import Admission

# The sweep frees a hold without a stream after two minutes, so none may be near that age when the event is
# appended: the rest of the time is the store's, whose longest wait for one append is less than a minute.
RENEW_HOLD_AFTER = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRecorder:
    """Turn a judged submission into the first event of a generation."""

    generations: Generations
    personal_data: PersonalDataStore
    blobs: BlobStore
    admission: Admission
    showing: WriteThrough
    timeouts: Timeouts
    id_secret: bytes
    clock: Callable[[], datetime]

    def id_for(self, identity: Identity, key: str | None) -> str:
        """Name the generation: a new UUIDv7, or the one that (project, user, key) always lead to."""
        if key is None:
            return str(uuid7())
        return self.id_of_key(identity.project_id, identity.user_id, key)

    def id_of_key(self, project: str, user: str, key: str) -> str:
        """Name the generation that a key of a user leads to, whether there is one or not."""
        message = f"{project}\0{user}\0{key}".encode()
        return str(uuid8(hmac.digest(self.id_secret, message, "sha256")))

    async def submit(self, request: Request, content: Content) -> bool:
        """Record the submission; True when it was recorded before (a replay).

        Raises LimitError, ExemplarError (other content under the same key), OutcomeUnknownError, StoreError.
        """
        if await self.repeats(request, content):
            return True
        personal_data = self._personal_data(request, content)
        try:
            period = await self._prepare(request, personal_data, content)
        except BaseException:
            await asyncio.shield(self._undo(request, personal_data))
            raise
        return await self._record(request, personal_data, content, period)

    async def repeats(self, request: Request, content: Content | None = None) -> bool:
        """Tell whether it was recorded before under its key; a retry is known without its content.

        Raises as `submit`; LimitError only when the day's requests are used up and it is no replay.
        """
        if request.key is not None and await self._is_replay(request, content):
            return True
        if request.overdrawn is not None:
            raise request.overdrawn
        return False

    async def _prepare(self, request: Request, personal_data: PersonalData, content: Content) -> str:
        """Hold a unit while words and pictures are stored: words first, by them the sweep finds the rest.

        Return the month of the unit, which is an earlier one when an attempt before this held it.
        """
        storing, held_at = asyncio.create_task(self._store(personal_data, content)), self.clock()
        try:
            period = await self._hold(request, personal_data)
        finally:
            await storing
        if self.clock() - held_at > RENEW_HOLD_AFTER:
            period = await self._hold(request, personal_data)
        return period

    async def _hold(self, request: Request, personal_data: PersonalData) -> str:
        period = period_of(personal_data.created_at)
        account = await self.admission.hold(
            request.identity.developer_id, request.generation_id, period=period, bounds=request.bounds
        )
        slot = account.slot_of(request.generation_id)
        return slot.period if slot is not None else period

    async def _store(self, personal_data: PersonalData, content: Content) -> None:
        await self.personal_data.put(personal_data)
        await self._put_blobs(personal_data, content)

    async def _record(
        self, request: Request, personal_data: PersonalData, content: Content, period: str
    ) -> bool:
        """Append the first event; from here on nothing is undone, for it may stand in the log."""
        try:
            generation = await self._begin(request, self._event(request, content, personal_data, period))
        except WrongExpectedVersionError:
            # The same key won a moment ago under this very id, and this very hold.
            await self._forget(personal_data)
            if not await self._is_replay(request, content):
                raise OutcomeUnknownError(request.generation_id) from None
            return True
        if generation is not None:
            await self.showing.show(generation, content.metadata or {})
        return False

    async def _begin(self, request: Request, event: GenerationRequested) -> Generation | None:
        cause = Cause(
            actor=f"user:{request.identity.user_id}",
            request_id=request.request_id,
            correlation_id=stream_of(request.generation_id),
            traceparent=request.traceparent,
        )
        try:
            commit = await self.generations.begin(request.generation_id, event, cause=cause)
        except OutcomeUnknownError:
            generation = await self._look(request.generation_id)
            if generation is None or generation.request.personal_data != event.personal_data:
                raise
            return generation
        return fold(commit.events)

    async def _look(self, generation_id: str) -> Generation | None:
        try:
            return await self.generations.load(generation_id)
        except StoreError:
            return None

    async def _is_replay(self, request: Request, content: Content | None) -> bool:
        """Tell whether the same content stands under this id; other content raises."""
        generation = await self.generations.load(request.generation_id)
        if generation is None:
            return False
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE)
        personal_data = await self.personal_data.get(generation.id, generation.request.personal_data)
        if personal_data is None:
            raise ExemplarError(ErrorCode.GONE)
        if fingerprint_of(personal_data, content, request.retry) != generation.request.fingerprint:
            raise ExemplarError(ErrorCode.IDEMPOTENCY_MISMATCH)
        return True

    async def _put_blobs(self, personal_data: PersonalData, content: Content) -> None:
        for upload, name in zip(content.images, digests_of(personal_data, content), strict=True):
            blob = Blob(
                generation=personal_data.generation,
                digest=name,
                token=personal_data.token,
                kind="example",
                content_type=upload.header.content_type,
                data=await upload.read(),
                sha256=upload.sha256,
                created_at=personal_data.created_at,
            )
            await self.blobs.put(blob)

    async def _forget(self, personal_data: PersonalData) -> None:
        await self.blobs.erase(personal_data.generation, token=personal_data.token)
        await self.personal_data.erase(personal_data.generation, token=personal_data.token)

    async def _undo(self, request: Request, personal_data: PersonalData) -> None:
        """Leave nothing half-done before the append; what cannot be undone now, the sweeps undo later."""
        try:
            if await self.generations.load(request.generation_id) is None and request.key is None:
                await self.admission.release(request.identity.developer_id, request.generation_id)
            await self._forget(personal_data)
        except Exception as error:  # noqa: BLE001 - the first error is the one to tell
            log.warning("not undone", generation_id=request.generation_id, error=type(error).__name__)

    def _personal_data(self, request: Request, content: Content) -> PersonalData:
        return PersonalData(
            generation=request.generation_id,
            token=secrets.token_hex(8),
            salt=secrets.token_bytes(32),
            instructions=content.instructions,
            file_names=tuple(upload.filename for upload in content.images),
            created_at=self.clock(),
            metadata=content.metadata,
            webhook=content.webhook,
            idempotency_key=request.key,
        )

    def _event(
        self, request: Request, content: Content, personal_data: PersonalData, period: str
    ) -> GenerationRequested:
        identity, now, retry = request.identity, personal_data.created_at, request.retry
        own = request.timeouts(self.timeouts.in_all)
        finish_by = now + (own or self.timeouts.in_all)
        return GenerationRequested(
            owner=Owner(developer=identity.developer_id, project=identity.project_id, user=identity.user_id),
            personal_data=personal_data.token,
            fingerprint=fingerprint_of(personal_data, content, request.retry),
            idempotent=request.key is not None,
            examples=examples_of(personal_data, content),
            period=period,
            tier=identity.tier.name,
            start_by=min(now + self.timeouts.to_start, finish_by),
            finish_by=finish_by,
            webhook_events=content.webhook_events_filter if content.webhook else (),
            retry_of=retry.of if retry else None,
            seed=retry.seed if retry else None,
            cancel_after=own // timedelta(seconds=1) if own else None,
        )
