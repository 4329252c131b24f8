"""The longest time that a process takes to stop, whatever hangs."""

import os
import threading
from typing import Final

import structlog

STOP_SECONDS: Final = 20.0

log = structlog.get_logger()


class StopLimit:
    """End this process after STOP_SECONDS at the latest, even if its event loop or a thread of a library hangs."""

    def __init__(self) -> None:
        self._closed = False
        self._timer = threading.Timer(STOP_SECONDS, self._end)
        self._timer.daemon = True

    def begin(self) -> None:
        """Begin to count; repeatable."""
        if not self._timer.is_alive():
            self._timer.start()

    def closed(self) -> None:
        """Note that all resources are closed: what is left are threads that nobody needs."""
        self._closed = True

    def _end(self) -> None:
        if not self._closed:
            log.error("stop_timed_out", seconds=STOP_SECONDS)
        os._exit(0 if self._closed else 1)
