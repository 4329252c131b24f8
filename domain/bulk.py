"""Actions on many generations: to which of them an action applies, and how the selection is named in the log."""

import hashlib
from collections.abc import Sequence
from typing import Final, assert_never

from domain.errors import ErrorCode, ExemplarError
from domain.generation.generation import Generation
from events.operation import BulkAction

MOST: Final = 10_000
"""Generations that one job may select."""

MOST_RUNNING: Final = 10
"""Jobs that may run at once on the projects of one developer; those that rest count."""


def applies(action: BulkAction, g: Generation, *, is_public: bool = True) -> bool:
    """Tell whether an action would change a generation now; `is_public`: what publishing makes of it."""
    match action:
        case "cancel":
            return not g.final and not g.cancel_requested
        case "redeliver":
            return not g.final
        case "retry":
            return g.final and not g.gone
        case "publish":
            return g.final and not g.gone and g.is_public != is_public
        case "delete":
            return not g.gone
        case _:
            assert_never(action)


def require_capacity(running: int) -> None:
    """Refuse to start one more job; `bulk_limit_exceeded` when the developer has the largest number of running ones."""
    if running >= MOST_RUNNING:
        raise ExemplarError(ErrorCode.BULK_LIMIT)


def digest_of(generations: Sequence[str]) -> str:
    """Hash a selection: SHA-256 of the ids in order, each with a line break."""
    return hashlib.sha256("".join(f"{one}\n" for one in generations).encode()).hexdigest()
