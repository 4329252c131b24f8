import structlog

from actors.metrics import CHECKPOINTS
from domain.audit.checkpoints import ContradictionError
from metrics.metrics import NO_METRICS, Metrics
from store.audit.checkpointing import Checkpointer
from store.log.sealed_log import SealedLog

log = structlog.get_logger()


async def seal(*, sealed_log: SealedLog) -> int:
    """Give positions to commits that have none; return how many."""
    return await sealed_log.seal()


async def checkpoint(*, checkpointer: Checkpointer | None, metrics: Metrics = NO_METRICS) -> int:
    """Sign the log if it has grown; return how many commits it holds then, 0 when nothing was signed.

    `checkpointer` is None without a key. A log that contradicts an earlier checkpoint raises an alarm, and
    nothing is signed until an operator has looked.
    """
    if checkpointer is None:
        return 0
    try:
        made = await checkpointer.make()
    except ContradictionError as error:
        metrics.count(CHECKPOINTS, "contradicted")
        log.critical("log_contradicts_checkpoints", error=error)
        return 0
    if made is None:
        return 0
    metrics.count(CHECKPOINTS, "signed")
    log.info("checkpoint_signed", size=made.size)
    return made.size
