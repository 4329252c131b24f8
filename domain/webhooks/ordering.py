"""The order in which the deliveries of one generation reach one endpoint."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_OVERTAKEN_AFTER: Final = 2


@dataclass(frozen=True, slots=True)
class Position:
    """The position of a pending delivery among those of its generation at one endpoint."""

    version: int
    final: bool
    failures: int
    due_at: datetime


def waits_until(delivery: Position, others: Collection[Position]) -> datetime | None:
    """Return until when a delivery waits for earlier, pending ones of its generation; None: it does not.

    A final event overtakes a delivery that has failed twice, and everything that waits behind that one.
    """
    earlier = [other for other in others if other.version < delivery.version]
    if delivery.final:
        stuck = [other.version for other in earlier if other.failures >= _OVERTAKEN_AFTER]
        first = min(stuck, default=delivery.version)
        earlier = [other for other in earlier if other.version < first]
    return min((other.due_at for other in earlier), default=None)
