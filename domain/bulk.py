"""Actions on many generations: to which of them an action applies, and how the selection is named in the log."""

import hashlib
from collections.abc import Sequence
from typing import Final, assert_never

from domain.generation.generation import Generation
from events.operation import BulkAction

MOST: Final = 10_000
"""Generations that one job may select."""


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


def digest_of(generations: Sequence[str]) -> str:
    """Hash a selection: SHA-256 of the ids in order, each with a line break."""
    return hashlib.sha256("".join(f"{one}\n" for one in generations).encode()).hexdigest()
