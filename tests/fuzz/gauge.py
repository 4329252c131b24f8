"""What a process must not do while it is fuzzed: log errors, hold its event loop, grow."""

import json
import os
from pathlib import Path
from typing import Any, Final

MOST_GROWTH: Final = 64 * 2**20
"""Bytes of resident memory."""
MOST_LOOP_S: Final = 0.25
"""Processor time that the event loop may spend on one input, on a machine that is busy with other things."""

_SILENT: Final = frozenset({"debug", "info", "warning"})
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Gauge:
    """Reads the log, the memory and the processor time of a process; those of its first use are the base."""

    def __init__(self, pid: int, log: Path) -> None:
        self._pid, self._log = pid, log
        self._read_to = log.stat().st_size
        self._spent = self.loop_seconds()
        self._base = self.resident_bytes()
        self.longest = 0.0

    @property
    def growth(self) -> int:
        """Bytes of memory beyond those of the base."""
        return self.resident_bytes() - self._base

    def mark(self) -> None:
        """Begin an input."""
        self._spent = self.loop_seconds()

    def check(self) -> None:
        """End an input; AssertionError for an error in the log or a loop that was held."""
        spent = self.loop_seconds() - self._spent
        self.longest = max(self.longest, spent)
        faults = [line for line in self._new_lines() if _is_fault(line)]
        assert not faults, f"the log says: {faults[0][:2000]}"
        assert spent < MOST_LOOP_S, f"the event loop spent {spent:.3f} s of processor time on one input"

    def check_growth(self) -> None:
        """AssertionError when the process holds more memory than an attack may make it hold."""
        assert self.growth < MOST_GROWTH, f"the process grew by {self.growth / 2**20:.0f} MiB"

    def loop_seconds(self) -> float:
        """Return the processor time of the main thread, which runs the event loop."""
        nanoseconds = Path(f"/proc/{self._pid}/task/{self._pid}/schedstat").read_text().split()[0]
        return int(nanoseconds) / 1e9

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * _PAGE

    def _new_lines(self) -> list[str]:
        with self._log.open("rb") as file:
            file.seek(self._read_to)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._read_to += len(whole) + len(newline)
        return whole.decode(errors="replace").splitlines()


def _is_fault(line: str) -> bool:
    """Tell whether a line is no JSON, above a warning, or has a traceback."""
    try:
        said: dict[str, Any] = json.loads(line)
    except ValueError:
        return True
    return said.get("level") not in _SILENT or "exception" in said
