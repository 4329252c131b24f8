from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from domain.audit.checkpoints import ContradictionError
from domain.errors import ErrorCode, ExemplarError

log = structlog.get_logger()


@contextmanager
def alarming() -> Iterator[None]:
    """Log a contradiction and answer `damaged`."""
    try:
        yield
    except ContradictionError as error:
        log.critical("log_contradicts_checkpoints", error=error)
        raise ExemplarError(ErrorCode.DAMAGED, "The log contradicts its checkpoints") from error
