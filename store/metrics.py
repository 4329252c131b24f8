"""What the store measures."""

from typing import Final, get_args

from domain.errors import FailureCode
from domain.generation.generation import Status
from domain.generation.timings import Phase
from events.catalogue import CATALOGUE
from metrics.metric import LONG_SECONDS, Counter, Histogram, Label

COMMANDS: Final = (
    *("find", "getMore", "aggregate", "count", "distinct", "insert", "update", "delete", "findAndModify", "bulkWrite"),
    *("commitTransaction", "abortTransaction", "createIndexes", "dbStats", "hello", "ping"),
)
_COMMAND: Final = Label("command", COMMANDS)

APPENDS: Final = Counter(
    "exemplar_appends_total",
    "Commits that were to be appended to a stream; conflict: the stream had moved on; failed: the store did not answer",
    (Label("outcome", ("appended", "conflict", "failed")),),
)
EVENTS: Final = Counter(
    "exemplar_events_total", "Events that were appended to the log", (Label("type", CATALOGUE.names),)
)
GENERATIONS: Final = Counter(
    "exemplar_generations_total", "Generations that have reached a public status", (Label("status", get_args(Status)),)
)
FAILURES: Final = Counter(
    "exemplar_generation_failures_total",
    "Generations that failed, by failure code",
    (Label("code", tuple(code.value for code in FailureCode)),),
)
PHASES: Final = Histogram(
    "exemplar_generation_phase_seconds",
    "Duration of each phase of the generations that ended, in seconds",
    (Label("phase", get_args(Phase)),),
    LONG_SECONDS,
)
MONGODB_COMMANDS: Final = Counter(
    "exemplar_mongodb_commands_total",
    "Commands that were sent to MongoDB",
    (_COMMAND, Label("outcome", ("succeeded", "failed"))),
)
MONGODB_SECONDS: Final = Histogram(
    "exemplar_mongodb_command_seconds", "Duration of the commands of MongoDB, in seconds", (_COMMAND,)
)

STORE_METRICS: Final = (APPENDS, EVENTS, GENERATIONS, FAILURES, PHASES, MONGODB_COMMANDS, MONGODB_SECONDS)
