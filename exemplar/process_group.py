"""Several processes of one kind on one machine (Linux): forked, restarted when they die, ended together."""

import ctypes
import os
import signal
import sys
import time
from typing import Final

import structlog

from exemplar.stopping import STOP_SECONDS
from store.backoff import Backoff

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)
_STOP_SECONDS: Final = STOP_SECONDS + 4
_RESTART: Final = Backoff(first=0.5, longest=30)
_HEALTHY_SECONDS: Final = 60.0
_PR_SET_PDEATHSIG: Final = 1
_MISCONFIGURED: Final = 2

log = structlog.get_logger()


class ProcessGroup:
    """Keeps `count` children of this process running until SIGINT or SIGTERM."""

    def __init__(self, count: int) -> None:
        self.number = 1  # of this process in the group, once it is a child
        self._due = dict.fromkeys(range(1, count + 1), 0.0)
        self._failures = dict.fromkeys(self._due, 0)
        self._running: dict[int, tuple[int, float]] = {}  # number and start, by process id
        self._stop_by: float | None = None
        self._code = 0
        self._parent = os.getpid()

    def fork(self) -> int | None:
        """Return None in each child; in the parent the exit code, when all children have ended.

        It is 0 when all stopped as told, 2 when one could not start at first, else 1.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while self._running or self._due:
            for number in [number for number, due in self._due.items() if due <= time.monotonic()]:
                if not self._start(number):
                    signal.pthread_sigmask(signal.SIG_SETMASK, before)
                    return None
            found = signal.sigtimedwait(_SIGNALS, self._timeout())
            if found and found.si_signo != signal.SIGCHLD:
                self._stop(0)
            self._reap()
            if self._stop_by is not None and self._stop_by <= time.monotonic():
                self._send(signal.SIGKILL)
        return self._code

    def _start(self, number: int) -> bool:
        """Fork one child; True in the parent, False in the child, which ends with its parent."""
        del self._due[number]
        if pid := os.fork():
            self._running[pid] = number, time.monotonic()
            return True
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != self._parent:
            sys.exit(1)
        self.number = number
        structlog.contextvars.bind_contextvars(process=number)
        return False

    def _timeout(self) -> float:
        moments = [*self._due.values(), *([self._stop_by] if self._stop_by is not None else [])]
        return max(min(moments, default=time.monotonic() + 60) - time.monotonic(), 0.01)

    def _reap(self) -> None:
        while self._running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, status = ended
            number, began = self._running.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if self._stop_by is not None:
                self._code = self._code or int(code not in (0, -signal.SIGTERM))
            elif code == _MISCONFIGURED and not self._failures[number]:
                self._stop(code)
            else:
                self._restart(number, code, lived=time.monotonic() - began)

    def _restart(self, number: int, code: int, *, lived: float) -> None:
        self._failures[number] = 1 if lived > _HEALTHY_SECONDS else self._failures[number] + 1
        delay = _RESTART.delay(self._failures[number])
        self._due[number] = time.monotonic() + delay
        log.error("process_died", process=number, exit_code=code, restart_in=delay)

    def _stop(self, code: int) -> None:
        """End all children; a second call changes nothing."""
        if self._stop_by is None:
            self._code, self._stop_by = code, time.monotonic() + _STOP_SECONDS
            self._due.clear()
            self._send(signal.SIGTERM)

    def _send(self, number: signal.Signals) -> None:
        for pid in self._running:
            os.kill(pid, number)
