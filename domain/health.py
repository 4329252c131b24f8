"""What the parts of one process say about themselves, and what follows for the process."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

PartState = Literal["healthy", "unknown", "unhealthy"]

LOOP_SECONDS: Final = 3.0
"""How long the event loop may be busy before a probe counts it as blocked; longer than a check takes."""
WEDGED_SECONDS: Final = 300.0
"""Longer than a worker is busy without ending any handler, and than a scheduler is without a run."""


class Phase(StrEnum):
    """Where a process is between its start and its end."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class Part:
    """A part that a process needs; `action`: what an operator does about it, where they can."""

    name: str
    state: PartState = "healthy"
    reason: str | None = None
    action: str | None = None


def all_work(parts: Iterable[Part]) -> bool:
    """Tell whether a process can do its work: what is unknown is not held against it."""
    return all(part.state != "unhealthy" for part in parts)


def phase_part(phase: Phase) -> Part:
    """Judge the process itself: it takes work only while it runs."""
    return Part("process") if phase is Phase.RUNNING else Part("process", "unhealthy", phase.value)


def progress_part(name: str, seconds: float) -> Part:
    """Judge the progress of handlers or jobs by the seconds since they last got on, 0 without work."""
    if seconds < WEDGED_SECONDS:
        return Part(name)
    return Part(name, "unhealthy", "wedged", "restart this process: what it had begun is delivered again")


def loop_part() -> Part:
    """Judge an event loop that did not answer a probe in time."""
    return Part("event_loop", "unhealthy", "blocked", "restart this process if it stays so")


def broker_part(*, consuming: bool) -> Part:
    """Judge the connection on which a worker gets its messages."""
    if consuming:
        return Part("broker")
    return Part("broker", "unhealthy", "unreachable", "check RabbitMQ and EXEMPLAR_AMQP_URL; work waits in the log")


def provider_part(*, accepted: bool | None) -> Part:
    """Judge what the provider says about the token; None: it has not said anything."""
    match accepted:
        case None:
            return Part("provider", "unknown", "unreachable", "check this machine's way to the provider")
        case True:
            return Part("provider")
        case False:
            return Part(
                "provider",
                "unhealthy",
                "provider_unauthorized",
                "make another token (https://replicate.com/account/api-tokens), set REPLICATE_API_TOKEN and restart",
            )


def database_part(error: str | None) -> Part:
    """Judge the connection to MongoDB by the name of its error."""
    return Part("database") if error is None else Part("database", "unhealthy", error, "check MongoDB")
