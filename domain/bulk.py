"""Actions on many generations: to which of them an action applies, and how the selection is named in the log."""

import hashlib
from collections.abc import Sequence
from typing import Final, assert_never

from domain.errors import ErrorCode, ExemplarError, LimitError
from domain.generation.generation import Generation
from events.operation import BulkAction

MOST: Final = 10_000
"""Generations that one job may select."""

MOST_RUNNING: Final = 10
"""Jobs that may run at once on the projects of one developer; those that rest count."""

_LONGEST_REST: Final = 600  # seconds
_SHORTEST_REST: Final = 2


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


def rest_after(limit: LimitError) -> int | None:
    """Return for how many seconds a job rests at a limit; None for a month without units, which no job waits for."""
    if limit.code is ErrorCode.GENERATION_LIMIT and limit.retry_after > _LONGEST_REST:
        return None
    return min(max(limit.retry_after, _SHORTEST_REST), _LONGEST_REST)


def digest_of(generations: Sequence[str]) -> str:
    """Hash a selection: SHA-256 of the ids in order, each with a line break."""
    return hashlib.sha256("".join(f"{one}\n" for one in generations).encode()).hexdigest()
