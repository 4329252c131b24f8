"""Whether a submission is refused by the controls in force, and when it may be repeated."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Final, assert_never

from domain.controls.controls import Control
from domain.errors import ErrorCode, LimitError
from events.control import ControlKind

RETRY_AFTER: Final = 60  # seconds, where nobody knows the end
LONGEST_RETRY_AFTER: Final = 3600
QUEUE_RETRY_AFTER: Final = 5


def refusal_of(controls: Sequence[Control], *, waiting: int, now: datetime) -> LimitError | None:
    """Return the refusal of a submission that these controls concern; `waiting` generations wait by now."""
    for one in controls:
        if one.refuses:
            return LimitError(_code_of(one.kind), seconds_to_end(one, now))
        if one.limit is not None and waiting >= one.limit:
            return LimitError(ErrorCode.QUEUE_FULL, QUEUE_RETRY_AFTER)
    return None


def _code_of(kind: ControlKind) -> ErrorCode:
    match kind:
        case "maintenance":
            return ErrorCode.MAINTENANCE
        case "provider":
            return ErrorCode.PROVIDER_STOPPED
        case "developer" | "project":
            return ErrorCode.PAUSED
        case "queue_cap":
            return ErrorCode.QUEUE_FULL
        case _:
            assert_never(kind)


def seconds_to_end(control: Control, now: datetime) -> int:
    """Return whole seconds to the expected end, from 1 to 3600; a usual pause where that is unknown or over."""
    expected_end = control.expected_end
    if expected_end is None or expected_end <= now:
        return RETRY_AFTER
    return min(math.ceil((expected_end - now).total_seconds()), LONGEST_RETRY_AFTER)
