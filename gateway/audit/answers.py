"""What the routes of the audit answer."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from domain.audit.invariants import Invariant
from events.access import AccessForm
from gateway.openapi.values import Free, Hash, Time, Uuid


class EventOwner(TypedDict):
    """The developer, project and user that an event belongs to, as far as it does."""

    developer: str | None
    project: str | None
    user: str | None


class AuditEvent(TypedDict):
    """An event of the log with its position; of a `damaged` commit only what names it.

    leaf: the Merkle leaf of its commit (base64). body_hash: SHA-256 of the bytes of its commit. personal_data: of a
    submission alone: `masked`, `erased`, `damaged`, or what it is.
    """

    position: int
    recorded_at: Time | None
    commit: str
    leaf: str
    damaged: NotRequired[bool]
    id: NotRequired[str]
    stream: NotRequired[str]
    version: NotRequired[int]
    type: NotRequired[str]
    schema_version: NotRequired[int]
    occurred_at: NotRequired[Time]
    actor: NotRequired[str]
    cause: NotRequired[str | None]
    correlation_id: NotRequired[str | None]
    request_id: NotRequired[str | None]
    traceparent: NotRequired[str | None]
    data: NotRequired[Free]
    body_hash: NotRequired[Hash]
    owner: NotRequired[EventOwner]
    personal_data: NotRequired[Free | None]


class Continuation(TypedDict, total=False):
    """The parameter that continues a page."""

    after: int
    before: int


AuditEvents = TypedDict("AuditEvents", {"events": Sequence[AuditEvent], "more": bool, "continue": Continuation})
AuditEvents.__doc__ = "A page of the log, of whole commits; `continue` names the parameter of the next page."


class Point(TypedDict):
    """A point in the log: its position, when that was recorded, and the version of a stream."""

    version: NotRequired[int]
    position: int | None
    recorded_at: Time | None


class AsOf(TypedDict):
    """What the audit shows as of a point; null where there was nothing yet."""

    kind: Literal["generation", "endpoint", "developer", "quota"]
    id: Uuid
    as_of: Point
    state: Free | None


FieldChange = TypedDict("FieldChange", {"from": Any, "to": Any})
FieldChange.__doc__ = "The values of a field before and after; null where there was none."


class ChangingEvent(TypedDict):
    """An event that changed something, and the names of the fields."""

    id: str
    type: str
    occurred_at: Time
    actor: str
    request_id: str | None
    changed: Sequence[str]


class Difference(TypedDict):
    """What differs between two points, and the events that caused it; `more`: some are not named."""

    kind: Literal["generation", "endpoint", "developer", "quota"]
    id: Uuid
    since: Point
    as_of: Point
    changes: Mapping[str, FieldChange]
    events: Sequence[ChangingEvent]
    more: bool


class InvariantViolation(TypedDict):
    """What breaks an invariant, or broke it in the past."""

    id: str
    fault: str


class InvariantFinding(TypedDict):
    """An invariant: how many of its subjects were checked, and how many are broken."""

    name: Invariant
    statement: str
    ok: bool
    checked: int
    broken: int
    violations: Sequence[InvariantViolation]
    notes: Sequence[InvariantViolation]


class InvariantReport(TypedDict):
    """The last completed run over the invariants."""

    ok: bool
    position: int
    streams: int
    events: int
    started_at: Time
    finished_at: Time
    invariants: Sequence[InvariantFinding]


class ScheduledRun(TypedDict):
    """A run that is wanted or under way, and how much of how much it has read."""

    requested_at: Time
    began_at: Time | None
    done: int
    size: int


class Invariants(TypedDict):
    """The last completed run, and the next one."""

    report: InvariantReport | None
    next: ScheduledRun | None


class LogAccess(TypedDict):
    """An access of staff to the log; `scope`: whose events, `pictures`: an export with the stored pictures."""

    position: int
    occurred_at: Time
    reader: str
    form: AccessForm
    scope: str
    generation: str | None
    event_type: str | None
    recorded_from: Time | None
    recorded_before: Time | None
    filters: Sequence[str]
    personal_data: bool
    reason: str | None
    pictures: bool


class LogAccesses(TypedDict):
    """A page of accesses, newest first; `next_before` continues it."""

    accesses: Sequence[LogAccess]
    next_before: int | None


class LogConsumer(TypedDict):
    """A named position in the log, which the server keeps for its reader; `behind`: how many commits follow it."""

    name: str
    position: int
    behind: int
    created_at: Time
    updated_at: Time


class LogConsumers(TypedDict):
    """The consumers of a reader of the log."""

    consumers: Sequence[LogConsumer]


class VerificationKeys(TypedDict):
    """The name of the log, and the public keys that verify its checkpoints, proofs and receipts."""

    log: str
    keys: Sequence[str]
