"""The gauges of the whole system, which one scheduler measures for all processes."""

from typing import Final

from actors.metrics import PAUSES
from domain.generation.generation import State
from domain.generation.lifecycle import RUNNING
from events.catalogue import CATALOGUE
from metrics.metric import Gauge, Label

_QUEUE: Final = Label("queue", tuple(CATALOGUE.queues))
_SUBSCRIBER: Final = Label("subscriber", tuple(CATALOGUE.subscribers))
_STATE: Final = Label("state", tuple(state.value for state in State if state in RUNNING))


def _gauge(name: str, text: str, *labels: Label) -> Gauge:
    return Gauge(f"exemplar_{name}", text, labels, system=True)


LOG_POSITION: Final = _gauge("log_position", "The last position of the sealed log")
SEALING_LAG: Final = _gauge("sealing_lag_seconds", "Age of the oldest commit without a position, in seconds")
SUBSCRIBER_LAG: Final = _gauge(
    "subscriber_lag_commits", "Commits of the log that a subscriber has not handled", _SUBSCRIBER
)
PARKED: Final = _gauge("parked_events", "Commits that a subscriber could not handle and tries again", _SUBSCRIBER)
DEAD_LETTERS: Final = _gauge("dead_letters", "Calls of actors that failed and were not repeated, up to 10,000")
QUEUE_MESSAGES: Final = _gauge("queue_messages", "Messages that wait in a queue of RabbitMQ", _QUEUE)
QUEUE_WORKERS: Final = _gauge("queue_workers", "Workers that take the messages of a queue", _QUEUE)
QUEUE_DEAD: Final = _gauge("queue_dead_messages", "Messages in the dead-letter queue of a queue", _QUEUE)
UNFINISHED: Final = _gauge(
    "generations_unfinished", "Generations in each state that is not final, up to 20,000", _STATE
)
OLDEST: Final = _gauge(
    "generation_oldest_age_seconds", "Time that the oldest generation has spent in a state, in seconds", _STATE
)
CLAIM_AGE: Final = _gauge(
    "claim_oldest_age_seconds", "Age of the oldest claim of a paid call whose outcome is not recorded, in seconds"
)
HOLDS: Final = _gauge("quota_holds", "Units of quotas that are held by generations that run, up to 100,000")
HOLD_AGE: Final = _gauge("quota_hold_oldest_age_seconds", "Age of the oldest of these, in seconds")
WEBHOOK_BACKLOG: Final = _gauge(
    "webhook_backlog",
    "Deliveries of webhooks that are not over, by how long they have been due; scheduled: not due yet; up to 10,000",
    Label("age", ("scheduled", "under_10s", "under_1m", "under_10m", "over_10m")),
)
PROVIDER_PAUSED: Final = _gauge(
    "provider_paused",
    "1 while the circuit of the provider is open for all processes, or the scheduler's token is refused",
    Label("reason", PAUSES),
)
CONTROLS: Final = _gauge("controls", "Controls of operators that are in force")
DISK_USED: Final = _gauge("mongodb_disk_used_bytes", "Used bytes of the file system that holds MongoDB's data")
DISK_SIZE: Final = _gauge("mongodb_disk_size_bytes", "Size of that file system, in bytes")
DATA_SIZE: Final = _gauge("mongodb_storage_bytes", "Bytes of the database on disk, with its indexes")

SYSTEM_METRICS: Final = (
    LOG_POSITION,
    SEALING_LAG,
    SUBSCRIBER_LAG,
    PARKED,
    DEAD_LETTERS,
    QUEUE_MESSAGES,
    QUEUE_WORKERS,
    QUEUE_DEAD,
    UNFINISHED,
    OLDEST,
    CLAIM_AGE,
    HOLDS,
    HOLD_AGE,
    WEBHOOK_BACKLOG,
    PROVIDER_PAUSED,
    CONTROLS,
    DISK_USED,
    DISK_SIZE,
    DATA_SIZE,
)
