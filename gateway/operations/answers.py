"""What the routes of operations answer."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from gateway.audit.answers import InvariantFinding, ScheduledRun
from gateway.health_answers import BrokerHealth
from gateway.openapi.values import LogEvent, Time


class FailedEntry(TypedDict):
    """A parked event or a dead letter: what failed, how often and since when.

    handler: the subscriber or the queue. error: class of the last exception. discarded: the event that gave it up.
    """

    id: str
    handler: str
    commit: str
    error: str
    tries: int
    since: Time
    last_at: Time | None
    next_try_at: Time | None
    request_id: str | None
    discarded: str | None


class ShownFailedEntry(FailedEntry):
    """An entry with the events of its commit, and the types of those that followed in the stream."""

    events: Sequence[LogEvent]
    later: Sequence[str]


class FailedWork(TypedDict):
    """A page of entries by id; `next_after` continues it as `after`."""

    entries: Sequence[FailedEntry]
    next_after: str | None


class ChosenWork(TypedDict):
    """How many entries were chosen."""

    count: int


class RequestedRun(TypedDict):
    """When a run was asked for."""

    requested_at: Time


class DriftReport(TypedDict):
    """What the last run over the invariants says of what is derived from the log; `drift`: violations in all."""

    began_at: Time
    position: int
    drift: int
    compared: Sequence[InvariantFinding]


class RebuildReport(TypedDict):
    """The last rebuild of the rows: made from the log, kept because their streams cannot be read, and corrected."""

    began_at: Time
    generations: int
    kept: int
    differing: Sequence[str]
    position: int


class Drift(TypedDict):
    """The last drift report, and the next run."""

    report: DriftReport | None
    next: ScheduledRun | None


class Rebuild(TypedDict):
    """The last rebuild, and the next one."""

    report: RebuildReport | None
    next: ScheduledRun | None


class Projections(TypedDict):
    """Whether what is derived from the log equals it."""

    drift: Drift
    rebuild: Rebuild


class TracedEvent(TypedDict):
    """An event that a request led to."""

    position: int
    id: str
    type: str
    occurred_at: Time


class TracedDelivery(TypedDict):
    """A webhook delivery that a request led to."""

    id: str
    endpoint: str | None
    generation: str | None
    state: str | None


class LogFields(TypedDict):
    """Fields of log lines, and the values that those about the request have there."""

    request_id: Sequence[str]
    generation_id: Sequence[str]
    event_id: Sequence[str]
    delivery: Sequence[str]
    traceparent: Sequence[str]


class RequestTraces(TypedDict):
    """All that a request led to."""

    request_id: str
    events: Sequence[TracedEvent]
    deliveries: Sequence[TracedDelivery]
    parked: Sequence[FailedEntry]
    dead_letters: Sequence[FailedEntry]
    log_fields: LogFields


class SubscriberStatus(TypedDict):
    """Where a subscriber of the log is; `parked`: commits that it could not handle yet."""

    name: str
    position: int
    behind: int
    parked: int


class QueueDepth(TypedDict):
    """How many messages wait in a queue that has a worker."""

    name: str
    messages: int


class ProviderStatus(TypedDict):
    """Whether the provider is called: until when not, and why; a reason alone: it refuses the token of a process."""

    name: str
    paused_until: Time | None
    reason: str | None


class ServiceStatus(TypedDict):
    """Who follows the log, what waits, what failed, and whether the provider is called."""

    position: int
    subscribers: Sequence[SubscriberStatus]
    queues: Sequence[QueueDepth]
    broker: BrokerHealth
    waiting: int
    parked: int
    dead_letters: int
    provider: ProviderStatus
    controls: int
