"""Deliveries: which events are sent, how a receiver's response is judged, and what changes a delivery."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from domain.generation.generation import id_of, stream_of
from events.catalogue import CATALOGUE
from events.envelope import Cause, RecordedEvent

_NAMES_OF_REPLICATE: Final = {"output": "completed", "logs": "progress"}
FILTERS: Final[Mapping[str, frozenset[str]]] = {
    **CATALOGUE.webhook_filters,
    **{name: CATALOGUE.webhook_filters[ours] for name, ours in _NAMES_OF_REPLICATE.items()},
}
"""Event types by the values of `webhook_events_filter`: our words, and those of Replicate's API."""
DEFAULT_FILTER: Final = "completed"
_SLOW_MILLISECONDS: Final = 5000
_GONE: Final = 410

MOST_ATTEMPTS: Final = 50  # that a delivery keeps: the newest; the log holds all
NO_HOST: Final = ""  # the host of a delivery whose generation was erased

Changes = dict[str, Any]
"""Fields of a delivery with their new values."""
DeliveryState = Literal["pending", "delivered", "failed", "skipped"]
OwnerDeleted = Literal["project_deleted", "user_deleted"]
EndReason = (
    OwnerDeleted
    | Literal["exhausted", "gone"]
    | Literal["endpoint_disabled", "endpoint_removed", "generation_deleted", "no_address", "no_event"]
)
"""Why a delivery has ended without success: `failed` after its attempts, `skipped` without another one."""
AttemptError = Literal[
    "status", "redirect", "gone", "timeout", "connection", "tls", "dns", "forbidden", "protocol", "secret"
]


@dataclass(frozen=True, slots=True)
class ReceiverResponse:
    """The outcome of one attempt: an HTTP status, or the `fault` that prevented one.

    `body` is the start of the response body, `retry_after` the header as it was sent.
    """

    status: int | None
    fault: AttemptError | None
    milliseconds: int
    body: str = ""
    retry_after: str | None = None

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def slow(self) -> bool:
        """Tell whether the receiver took so long that it would delay other deliveries."""
        return self.fault == "timeout" or self.milliseconds >= _SLOW_MILLISECONDS

    @property
    def error(self) -> AttemptError | None:
        """Return the error code of the attempt; None when the message was accepted."""
        if self.accepted:
            return None
        if self.status is None:
            return self.fault or "protocol"
        if self.status == _GONE:
            return "gone"
        return "redirect" if 300 <= self.status < 400 else "status"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt: `response` is the start of the response body, `error` a code when it failed."""

    number: int
    at: datetime
    status: int | None
    error: str | None
    milliseconds: int
    response: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event for one endpoint; `id` is also the id of the message, the same at every attempt.

    `host` is a keyed hash. `due_at` is the next attempt, or the end of a claim. `failures` counts since the
    last restart, `attempts` holds the newest of all. A `blocked` delivery waits for earlier ones; an `unordered` one (a
    resend, an example) for none. An `example` is tried once. `restarted_at` is when a developer last asked
    for it again. `user` is the end user of the generation, empty where there is none.
    """

    id: str
    endpoint: str
    project: str
    generation: str
    event: str
    type: str
    version: int
    host: str
    event_time: datetime
    created_at: datetime
    expire_at: datetime
    state: DeliveryState = "pending"
    due_at: datetime | None = None
    claim: str | None = None
    failures: int = 0
    attempts: tuple[Attempt, ...] = ()
    blocked: bool = False
    unordered: bool = False
    example: bool = False
    reason: EndReason | None = None
    restarted_at: datetime | None = None
    developer: str = ""
    user: str = ""

    @property
    def payer(self) -> str:
        """The developer; the project of a delivery that was stored without one."""
        return self.developer or self.project

    @property
    def pair(self) -> str:
        """The project and the host together."""
        return pair_of(self.project, self.host)

    @property
    def next_number(self) -> int:
        """The number of the next attempt, from 1; restarts go on counting."""
        return max((attempt.number for attempt in self.attempts), default=0) + 1

    @property
    def final(self) -> bool:
        """Tell whether the event ends its generation."""
        return self.type in CATALOGUE.final


def delivery_of(
    event: RecordedEvent,
    endpoint: str,
    owner: tuple[str, str],
    *,
    host: str,
    now: datetime,
    expire_at: datetime,
    user: str = "",
) -> Delivery:
    """Make the delivery of an event to an endpoint of (developer, project), due at once."""
    developer, project = owner
    return Delivery(
        id=delivery_id(endpoint, event.id),
        endpoint=endpoint,
        project=project,
        generation=id_of(event.stream),
        event=event.id,
        type=event.type,
        version=event.version,
        host=host,
        event_time=event.time,
        created_at=now,
        expire_at=expire_at,
        due_at=now,
        developer=developer,
        user=user,
    )


def attempted(delivery: Delivery, attempt: Attempt, retry_at: datetime | None) -> Changes:
    """Change a delivery after an attempt: it succeeded, is tried again at `retry_at`, or has failed."""
    ended: Changes = {"due_at": retry_at, "claim": None, "reason": None}
    if attempt.error is None:
        return {**ended, "state": "delivered", "failures": 0}
    failed: Changes = {**ended, "failures": delivery.failures + 1}
    if retry_at is not None:
        return {**failed, "state": "pending"}
    return {**failed, "state": "failed", "reason": "gone" if attempt.error == "gone" else "exhausted"}


def restarted(now: datetime, *, unordered: bool) -> Changes:
    """Start a delivery's attempts again."""
    fields = {"state": "pending", "reason": None, "due_at": now, "claim": None, "failures": 0}
    return {**fields, "blocked": False, "restarted_at": now, "unordered": unordered}


def skipped(reason: EndReason) -> Changes:
    """End a delivery without another attempt."""
    return {"state": "skipped", "reason": reason, "due_at": None, "claim": None, "blocked": False}


def postponed(until: datetime) -> Changes:
    """Give a claim back and wait for earlier deliveries, at most until a time."""
    return {"due_at": until, "claim": None, "blocked": True}


def woken(now: datetime) -> Changes:
    """Make a postponed delivery due."""
    return {"due_at": now, "blocked": False}


def types_of(filters: Iterable[str]) -> frozenset[str]:
    """Return the event types of a request's filter; unknown values select nothing."""
    chosen = [FILTERS[name] for name in filters if name in FILTERS]
    return frozenset[str]().union(*chosen) if chosen else FILTERS[DEFAULT_FILTER]


def delivery_id(endpoint: str, event_id: str) -> str:
    """Return the id of a delivery and of its message: always the same for (endpoint, event)."""
    return f"msg_{hashlib.sha256(f'{endpoint}/{event_id}'.encode()).hexdigest()[:32]}"


def pair_of(project: str, host: str) -> str:
    """Return the key of a project and a host together."""
    return f"{project}/{host}"


_OVERTAKEN_AFTER: Final = 2


def waits_until(delivery: Delivery, others: Collection[Delivery]) -> datetime | None:
    """Return until when a delivery waits for earlier, pending ones of its generation; None: it does not.

    A final event overtakes a delivery that has failed twice, and everything that waits behind that one.
    """
    if delivery.unordered:
        return None
    earlier = [other for other in others if other.version < delivery.version]
    if delivery.final:
        stuck = [other.version for other in earlier if other.failures >= _OVERTAKEN_AFTER]
        first = min(stuck, default=delivery.version)
        earlier = [other for other in earlier if other.version < first]
    return min((other.due_at or other.created_at for other in earlier), default=None)


EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"


def example_of(event_type: str, *, now: datetime) -> RecordedEvent:
    """Make an example of a deliverable event type, as if generation `EXAMPLE_ID` had just recorded it."""
    version = CATALOGUE.deliverable.index(event_type) + 1
    event = CATALOGUE[event_type].sample
    return RecordedEvent(stream_of(EXAMPLE_ID), version, now, event, Cause(actor="actor:example"))
