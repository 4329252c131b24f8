from collections.abc import Callable

import structlog

from actors.handlers import quota
from actors.jobs.retry_times import RetryTimes
from store.commits.unreadable import UNREADABLE
from store.errors import DamagedLedgerError
from store.generations.generations import Generations
from store.quota.ledger import Ledger
from store.quota.slot_queue import SlotQueue

log = structlog.get_logger()


async def call_waiting(
    *,
    ledger: Ledger,
    slot_queue: SlotQueue,
    generations: Generations,
    slot_times: RetryTimes,
    monotonic: Callable[[], float],
) -> int:
    """Call the actor `quota` for generations whose turn to get a slot it is; return the number of developers.

    The worker that frees a slot does so at once, if it knows of the queue; this finds what it did not.
    """
    developers = await ledger.queueing()
    for developer in developers:
        try:
            for generation in await slot_queue.next(developer):
                if slot_times.take((generation.id, generation.version), monotonic()):
                    await generations.remind(generation.id, quota.NAME)
        except (*UNREADABLE, DamagedLedgerError) as error:  # the fault of one delays no other
            log.warning("slot_queue_unreadable", developer=developer, error=type(error).__name__)
    return len(developers)
