from collections.abc import Callable
from datetime import datetime

from domain.generation.lifecycle import FARTHEST
from store.webhooks.deliveries import DeliveryStore

_PAGE = 1000


async def correct_delivery_times(*, deliveries: DeliveryStore, clock: Callable[[], datetime]) -> int:
    """Make webhooks due that a process scheduled, claimed or tried whose clock was ahead.

    Receivers refuse its signatures, and the next attempt would follow when that time has come. Deliveries that wait
    for hours are many where a receiver is down: a run compares a page of them.
    """
    now = clock()
    return await deliveries.make_due(now, after=now + FARTHEST, limit=_PAGE)
