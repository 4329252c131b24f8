"""What a generation is made from, and how it is split between the log and the stores beside it."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.generation.digests import example_digest
from domain.generation.lifecycle import Timeouts, deadlines_of
from domain.submission.warnings import RequestWarning
from domain.webhooks.delivery import DEFAULT_FILTER
from events.generation import Example, GenerationRequested, Owner, Warned
from gateway.submissions.submission import Retry, Submission
from store.generations.blobs import Blob
from store.generations.personal_data import PersonalData


@dataclass(frozen=True, slots=True)
class ContentImage:
    """One example picture: `size` in bytes, `sha256` in hexadecimal, width and height in pixels as stored.

    `read` returns the bytes of an upload, or those that the store keeps of an earlier generation (`is_stored`).
    """

    size: int
    sha256: str
    content_type: str
    width: int
    height: int
    filename: str | None
    read: Callable[[], Awaitable[bytes]] = field(repr=False)
    is_stored: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """Everything that is stored of a submission.

    instructions: the text as received. start_by: the client's own deadline for the start.
    unknown_fields: names of the first fields that are dropped; they are texts of the client and not stored.
    """

    images: tuple[ContentImage, ...]
    instructions: str
    metadata: Mapping[str, object] | None = None
    webhook: str | None = None
    webhook_events_filter: tuple[str, ...] = ()
    start_by: datetime | None = None
    unknown_fields: tuple[str, ...] = ()
    warnings: tuple[RequestWarning, ...] = ()

    @property
    def repeats(self) -> bool:
        """Tell whether it has what an earlier generation has, which its sender need not know."""
        return any(image.is_stored for image in self.images)

    def stored_at(self, number: int) -> int:
        """Return the number of the first image that equals this one: equal images are stored once."""
        return [image.sha256 for image in self.images].index(self.images[number].sha256)


def fingerprint_of(personal_data: PersonalData, content: Content | None, retry: Retry | None) -> str:
    """Hash what a replay must have in common: the instructions and the ordered hashes of the files.

    A retry is identified by its original, whose content never changes, and by the choice of the seed.
    """
    if retry is not None:
        return personal_data.digest(b"retry", retry.of.encode(), retry.choice.encode())
    if content is None:
        raise ValueError("only a retry has a fingerprint without its content")
    hashes = (bytes.fromhex(image.sha256) for image in content.images)
    return personal_data.digest(content.instructions.encode(), *hashes)


def personal_data_of(submission: Submission, content: Content, now: datetime) -> PersonalData:
    """Collect the personal data under a new token and salt."""
    return PersonalData(
        generation=submission.generation_id,
        token=secrets.token_hex(8),
        salt=secrets.token_bytes(32),
        instructions=content.instructions,
        file_names=tuple(image.filename for image in content.images),
        created_at=now,
        metadata=content.metadata,
        webhook=content.webhook,
        idempotency_key=submission.idempotency_key,
    )


async def blob_of(personal_data: PersonalData, image: ContentImage, number: int) -> Blob:
    """Read an example picture, numbered from 0, for the blob store."""
    return Blob(
        generation=personal_data.generation,
        digest=example_digest(personal_data.salt, number, image.sha256),
        token=personal_data.token,
        kind="example",
        content_type=image.content_type,
        data=await image.read(),
        sha256=image.sha256,
        created_at=personal_data.created_at,
    )


class HeldQuota(NamedTuple):
    """What a submission took: a unit of a month, and a slot unless it is queued for one; and what it may cost."""

    period: str
    queued: bool = False
    estimate_microusd: int | None = None


def requested_event(
    submission: Submission,
    content: Content,
    personal_data: PersonalData,
    held: HeldQuota,
    timeouts: Timeouts,
    *,
    held_until: datetime | None = None,
) -> GenerationRequested:
    """Describe the submission for the log, which names personal data by salted hashes only.

    held_until: as for `deadlines_of`.
    """
    identity, now, retry = submission.identity, personal_data.created_at, submission.retry
    start_by, finish_by, own = deadlines_of(now, timeouts, submission.cancel_after, held_until=held_until)
    own_start = _own_start(submission, content, now)
    own_start = own_start if own_start is not None and own_start < start_by else None
    return GenerationRequested(
        owner=Owner(developer=identity.developer_id, project=identity.project_id, user=identity.user_id),
        personal_data=personal_data.token,
        fingerprint=fingerprint_of(personal_data, content, retry),
        idempotent=submission.idempotency_key is not None,
        examples=tuple(
            _example(personal_data, image, content.stored_at(number)) for number, image in enumerate(content.images)
        ),
        period=held.period,
        tier=identity.tier.name,
        start_by=own_start or start_by,
        finish_by=finish_by,
        webhook_events=(content.webhook_events_filter or (DEFAULT_FILTER,)) if content.webhook else (),
        retry_of=retry.of if retry else None,
        seed=retry.seed if retry else None,
        cancel_after=own // timedelta(seconds=1) if own else None,
        own_start=True if own_start else None,
        warnings=tuple(Warned(code=one.code.value, example=one.example) for one in content.warnings),
        queued=True if held.queued else None,
        api_key=identity.api_key,
        estimate_microusd=held.estimate_microusd,
    )


def _own_start(submission: Submission, content: Content, now: datetime) -> datetime | None:
    """Return the earlier of the two deadlines for the start that a client may set."""
    chosen = [content.start_by] if content.start_by else []
    if submission.start_timeout is not None:
        chosen.append(now + submission.start_timeout)
    return min(chosen, default=None)


def _example(personal_data: PersonalData, image: ContentImage, number: int) -> Example:
    return Example(
        digest=example_digest(personal_data.salt, number, image.sha256),
        content_type=image.content_type,
        width=image.width,
        height=image.height,
        size=image.size,
    )
