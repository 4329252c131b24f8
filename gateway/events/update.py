"""Updates and their listeners."""

from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Update:
    """New visible events as SSE frames, encoded once for all listeners; `final`: no event follows."""

    frames: bytes
    final: bool = False


class Listener(Protocol):
    """Receives updates; `deliver` must not block."""

    def deliver(self, update: Update) -> None: ...


def deliver(listener: Listener, update: Update) -> None:
    """Deliver an update, unless it is empty; a listener that fails does not affect the others."""
    if not (update.frames or update.final):
        return
    try:
        listener.deliver(update)
    except Exception:
        log.exception("listener_failed")
