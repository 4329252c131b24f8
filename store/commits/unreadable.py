"""Commits that a walk over all streams cannot read: it names them, skips their streams and goes on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from store.errors import DamagedCommitError
from store.fault_name import fault_name

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


def reason_of(error: Exception) -> str:
    """Say in one line why a commit cannot be read, without any of its data."""
    return error.reason if isinstance(error, DamagedCommitError) else fault_name(error)


OnUnreadable = Callable[[UnreadableCommit], None]


def log_unreadable(found: UnreadableCommit) -> None:
    """Log a commit that cannot be read; the default of every walk."""
    log.critical("commit_unreadable", commit=found.id, error=found.reason)
