"""Seal: positions for what was written, and signed checkpoints of the order that comes of it."""

import structlog

from actors.jobs.desk import Desk
from domain.audit.checkpoints import ContradictionError

log = structlog.get_logger()


async def seal(desk: Desk) -> int:
    """Give positions to commits that have none; return how many."""
    return await desk.log.seal()


async def checkpoint(desk: Desk) -> int:
    """Sign the log if it has grown; return how many commits are signed now, 0 when nothing was.

    A log that contradicts what was signed is an alarm: nothing is written until an operator has looked.
    """
    if desk.checkpoints is None:
        return 0
    try:
        made = await desk.checkpoints.make()
    except ContradictionError as error:
        log.critical("the log contradicts its checkpoints", error=str(error))
        return 0
    if made is None:
        return 0
    log.info("checkpoint made", size=made.size)
    return made.size
