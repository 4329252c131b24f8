"""Admit a submission: hold, store words and pictures, append. Accepted means durably recorded."""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from uuid_utils import uuid7

from domain.access import Identity
from domain.errors import ErrorCode, ExemplarError, LimitError
from domain.generation import Generation, stream_of
from domain.lifecycle import Patience
from domain.quota import period_of
from events.envelope import Cause
from events.generation import Example, GenerationRequested, Owner
from gateway.ids import uuid8
from gateway.uploads.submission import Submission
from store.admission import Admission
from store.blobs import Blob, BlobStore
from store.errors import OutcomeUnknownError, StoreError, WrongExpectedVersionError
from store.generations import Generations
from store.ledger import Bounds
from store.words import Words, WordsStore

# The sweep frees a hold without a stream after two minutes, so none may be near that age when the event is
# appended: the rest of the time is the store's, whose longest wait for one append is less than a minute.
RENEW_HOLD_AFTER = timedelta(seconds=30)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Request:
    """Who submits under which id; `key` is the client's Idempotency-Key, if any.

    `overdrawn` says that the day's requests are used up: then only a replay is answered.
    """

    identity: Identity
    generation_id: str
    key: str | None
    request_id: str
    traceparent: str | None = None
    overdrawn: LimitError | None = None

    @property
    def bounds(self) -> Bounds:
        """What the tier of the developer allows."""
        return Bounds(monthly=self.identity.tier.monthly, concurrent=self.identity.tier.concurrent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitting:
    """Turn a judged submission into the first event of a generation."""

    generations: Generations
    words: WordsStore
    blobs: BlobStore
    admission: Admission
    patience: Patience
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

    async def submit(self, request: Request, submission: Submission) -> bool:
        """Record the submission; True when it was recorded before (a replay).

        Raises LimitError, ExemplarError (other content under the same key), OutcomeUnknownError, StoreError.
        """
        if request.key is not None and await self._is_replay(request, submission):
            return True
        if request.overdrawn is not None:
            raise request.overdrawn
        words = self._words(request, submission)
        try:
            period = await self._prepare(request, words, submission)
        except BaseException:
            await asyncio.shield(self._undo(request, words))
            raise
        return await self._record(request, words, submission, period)

    async def _prepare(self, request: Request, words: Words, submission: Submission) -> str:
        """Hold a unit while words and pictures are stored: words first, by them the sweep finds the rest.

        Return the month of the unit, which is an earlier one when an attempt before this held it.
        """
        storing, held_at = asyncio.create_task(self._store(words, submission)), self.clock()
        try:
            period = await self._hold(request, words)
        finally:
            await storing
        if self.clock() - held_at > RENEW_HOLD_AFTER:
            period = await self._hold(request, words)
        return period

    async def _hold(self, request: Request, words: Words) -> str:
        period = period_of(words.created_at)
        account = await self.admission.hold(
            request.identity.developer_id, request.generation_id, period=period, bounds=request.bounds
        )
        slot = account.slot_of(request.generation_id)
        return slot.period if slot is not None else period

    async def _store(self, words: Words, submission: Submission) -> None:
        await self.words.put(words)
        await self._put_blobs(words, submission)

    async def _record(self, request: Request, words: Words, submission: Submission, period: str) -> bool:
        """Append the first event; from here on nothing is undone, for it may stand in the log."""
        try:
            await self._begin(request, self._event(request, submission, words, period))
        except WrongExpectedVersionError:
            # The same key won a moment ago under this very id, and this very hold.
            await self._forget(words)
            return await self._is_replay(request, submission)
        return False

    async def _begin(self, request: Request, event: GenerationRequested) -> None:
        cause = Cause(
            actor=f"user:{request.identity.user_id}",
            request_id=request.request_id,
            correlation_id=stream_of(request.generation_id),
            traceparent=request.traceparent,
        )
        try:
            await self.generations.begin(request.generation_id, event, cause=cause)
        except OutcomeUnknownError:
            generation = await self._look(request.generation_id)
            if generation is None or generation.request.words != event.words:
                raise

    async def _look(self, generation_id: str) -> Generation | None:
        try:
            return await self.generations.load(generation_id)
        except StoreError:
            return None

    async def _is_replay(self, request: Request, submission: Submission) -> bool:
        """Tell whether the same content stands under this id; other content raises."""
        generation = await self.generations.load(request.generation_id)
        if generation is None:
            return False
        if generation.gone:
            raise ExemplarError(ErrorCode.GONE)
        words = await self.words.get(generation.id, generation.request.words)
        if words is None:
            raise ExemplarError(ErrorCode.GONE)
        if _fingerprint(words, submission) != generation.request.fingerprint:
            raise ExemplarError(ErrorCode.IDEMPOTENCY_MISMATCH)
        return True

    async def _put_blobs(self, words: Words, submission: Submission) -> None:
        for upload, name in zip(submission.images, _digests(words, submission), strict=True):
            blob = Blob(
                generation=words.generation,
                digest=name,
                token=words.token,
                kind="example",
                content_type=upload.header.content_type,
                data=await upload.read(),
                sha256=upload.sha256,
                created_at=words.created_at,
            )
            await self.blobs.put(blob)

    async def _forget(self, words: Words) -> None:
        await self.blobs.erase(words.generation, token=words.token)
        await self.words.erase(words.generation, token=words.token)

    async def _undo(self, request: Request, words: Words) -> None:
        """Leave nothing half-done before the append; what cannot be undone now, the sweeps undo later."""
        try:
            if await self.generations.load(request.generation_id) is None and request.key is None:
                await self.admission.release(request.identity.developer_id, request.generation_id)
            await self._forget(words)
        except Exception as error:  # noqa: BLE001 - the first error is the one to tell
            log.warning("not undone", generation_id=request.generation_id, error=type(error).__name__)

    def _words(self, request: Request, submission: Submission) -> Words:
        return Words(
            generation=request.generation_id,
            token=secrets.token_hex(8),
            salt=secrets.token_bytes(32),
            instructions=submission.instructions,
            file_names=tuple(upload.filename for upload in submission.images),
            created_at=self.clock(),
            metadata=submission.metadata,
            webhook=submission.webhook,
            idempotency_key=request.key,
        )

    def _event(
        self, request: Request, submission: Submission, words: Words, period: str
    ) -> GenerationRequested:
        identity, now = request.identity, words.created_at
        return GenerationRequested(
            owner=Owner(developer=identity.developer_id, project=identity.project_id, user=identity.user_id),
            words=words.token,
            fingerprint=_fingerprint(words, submission),
            idempotent=request.key is not None,
            examples=_examples(words, submission),
            period=period,
            tier=identity.tier.name,
            start_by=now + self.patience.to_start,
            finish_by=now + self.patience.in_all,
            webhook_events=submission.webhook_events_filter if submission.webhook else (),
        )


def _fingerprint(words: Words, submission: Submission) -> str:
    """Hash what a repeat must have in common: instructions and the ordered hashes of the files."""
    hashes = [bytes.fromhex(upload.sha256) for upload in submission.images]
    return words.digest(submission.instructions.encode(), *hashes)


def _digests(words: Words, submission: Submission) -> Sequence[str]:
    """Name the pictures: a salted hash of place and content, so that equal pictures keep their own names."""
    return [
        hashlib.sha256(words.salt + number.to_bytes(2, "big") + bytes.fromhex(upload.sha256)).hexdigest()
        for number, upload in enumerate(submission.images)
    ]


def _examples(words: Words, submission: Submission) -> tuple[Example, ...]:
    return tuple(
        Example(
            digest=digest,
            content_type=upload.header.content_type,
            width=upload.header.width,
            height=upload.header.height,
            size=upload.size,
        )
        for digest, upload in zip(_digests(words, submission), submission.images, strict=True)
    )
