"""The order in which the deliveries of one generation reach one endpoint."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from domain.webhooks.delivery import Delivery

_OVERTAKEN_AFTER: Final = 2


def waits_until(delivery: Delivery, others: Collection[Delivery]) -> datetime | None:
    """Return until when a delivery waits for earlier, pending ones of its generation; None: it does not.

    A final event overtakes a delivery that has failed twice, and everything that waits behind that one.
    """
    if delivery.unordered:
        return None
    earlier = [other for other in others if other.version < delivery.version]
    if delivery.final:
        stuck = [other.version for other in earlier if other.failures >= _OVERTAKEN_AFTER]
        first = min(stuck, default=delivery.version)
        earlier = [other for other in earlier if other.version < first]
    return min((other.due_at or other.created_at for other in earlier), default=None)
