"""One submission: who submits, under which generation id and with which options of the request's headers."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from aiohttp import web

from domain.accounts.access import Identity
from domain.errors import LimitError, invalid_field
from domain.faults import Faults
from domain.generation.generation import stream_of
from domain.submission.request_headers import parse_key, read_duration
from events.envelope import Cause
from gateway.auth.rate_limits import OVER_LIMIT
from gateway.events.event_requests import prefers_queue
from gateway.generations.ids import GenerationIds
from gateway.http.request_ids import request_id_of, traceparent_of
from store.quota.ledger import Bounds

SeedChoice = Literal["same", "new"]


@dataclass(frozen=True, slots=True)
class Retry:
    """The generation that is made once more; `seed` is chosen after the original was read."""

    of: str
    choice: SeedChoice
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Submission:
    """What is known of a submission beside its content.

    `overdrawn` is the refusal of a request over the daily limit: such a request is answered only if it is a
    replay. `cancel_after` and `start_timeout` are the client's own deadlines for the end and for the start.
    `actor` submits for the user, because of the event `causation_id`.
    `queue`: the client prefers to wait for a slot where none is free.
    """

    identity: Identity
    generation_id: str
    idempotency_key: str | None
    request_id: str
    traceparent: str | None = None
    overdrawn: LimitError | None = None
    cancel_after: timedelta | None = None
    start_timeout: timedelta | None = None
    retry: Retry | None = None
    actor: str | None = None
    causation_id: str | None = None
    queue: bool = False

    @property
    def bounds(self) -> Bounds:
        return Bounds.of(self.identity.tier)

    @property
    def cause(self) -> Cause:
        """The envelope fields of the first event."""
        return Cause(
            actor=self.actor or f"user:{self.identity.user_id}",
            causation_id=self.causation_id,
            request_id=self.request_id,
            correlation_id=stream_of(self.generation_id),
            traceparent=self.traceparent,
        )


async def submission_of(
    request: web.Request, identity: Identity, ids: GenerationIds, faults: Faults, retry: Retry | None = None
) -> Submission:
    """Read the options of an admitted request; malformed headers are added to `faults`."""
    key = faults.check(idempotency_key, request)
    return Submission(
        identity,
        ids.new() if key is None else await ids.of_key(identity.project_id, identity.user_id, key),
        key,
        request_id_of(request),
        traceparent=traceparent_of(request),
        overdrawn=request.get(OVER_LIMIT),
        cancel_after=faults.check(_duration, request, "Cancel-After"),
        start_timeout=faults.check(_duration, request, "X-Start-Timeout"),
        retry=retry,
        queue=prefers_queue(request),
    )


def idempotency_key(request: web.Request) -> str | None:
    """Read the Idempotency-Key, quoted or bare, 1 to 255 visible characters."""
    values = request.headers.getall("Idempotency-Key", [])
    if not values:
        return None
    return parse_key(values[0] if len(values) == 1 else "", "header", "Idempotency-Key")


def _duration(request: web.Request, header: str) -> timedelta | None:
    """Read a header that is a duration: 5 seconds to 35 minutes, as `30`, `30s`, `5m` or `1h30m45s`."""
    values = request.headers.getall(header, [])
    if not values:
        return None
    duration = read_duration(values[0].strip()) if len(values) == 1 else None
    if duration is None:
        message = "must be a duration like 30, 30s, 5m or 5m30s, from 5s to 35m"
        raise invalid_field("header", header, message)
    return duration
