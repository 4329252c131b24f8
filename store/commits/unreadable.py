"""Commits that a walk over all streams cannot read: it names them, skips their streams and goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

UNREADABLE: Final = (ValueError, KeyError, TypeError)
"""What reading or folding a commit raises that is damaged, out of order, or written by a newer version."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class UnreadableCommit:
    """A commit that cannot be read; `version` is its position in its stream.

    developer: whose generation the stream is; None where nothing tells.
    """

    stream: str
    version: int
    reason: str
    developer: str | None = None

    @property
    def id(self) -> str:
        return f"{self.stream}:{self.version}"


OnUnreadable = Callable[[UnreadableCommit], None]


def log_unreadable(found: UnreadableCommit) -> None:
    """Log a commit that cannot be read; the default of every walk."""
    log.critical("commit_unreadable", commit=found.id, error=found.reason)
