"""Pid files of a home, by which a later start ends leftover processes and no others."""

import json
import os
import select
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

HOME_VARIABLE = "EXEMPLAR_HOME"
"""Every process that we start has its home in this variable, which identifies leftovers."""


@dataclass(frozen=True, slots=True)
class Pid:
    """Identifies one process: its number, start (clock ticks since boot) and the rank in which to stop it."""

    name: str
    number: int
    started: int
    rank: int

    @classmethod
    def of(cls, name: str, number: int, rank: int) -> "Pid":
        """Read the start time of a running process; ProcessLookupError when there is none."""
        return cls(name, number, int(_stat(number)[19]), rank)

    def open(self) -> int | None:
        """Return a pidfd of this very process, or None when it has ended.

        The start time is compared after opening, so that a reused number is noticed.
        """
        try:
            descriptor = os.pidfd_open(self.number)
        except ProcessLookupError:
            return None
        with suppress(ProcessLookupError):
            if int(_stat(self.number)[19]) == self.started:
                return descriptor
        os.close(descriptor)
        return None


class PidFiles:
    """The files `<home>/run/<name>.pid`, one for every process started for a home."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self._folder = self.home / "run"

    def write(self, pid: Pid) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        content = {"pid": pid.number, "started": pid.started, "rank": pid.rank}
        draft = self._folder / f"{pid.name}.draft"
        draft.write_text(json.dumps(content))
        draft.replace(self._path(pid.name))

    def remove(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def read(self) -> list[Pid]:
        """Return the recorded processes in the order of stopping; unreadable files are dropped."""
        found = []
        for path in sorted(self._folder.glob("*.pid")):
            try:
                content = json.loads(path.read_text())
                found.append(Pid(path.stem, content["pid"], content["started"], content["rank"]))
            except (ValueError, KeyError, TypeError):
                path.unlink(missing_ok=True)
        return sorted(found, key=lambda pid: pid.rank)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.pid"


def reap(home: Path, *, grace_s: float = 8.0) -> list[str]:
    """End the processes that a killed start left, rank by rank; return the names of those still running."""
    files = PidFiles(home)
    recorded = files.read()
    running: list[str] = []
    for _, rank in groupby(recorded, key=lambda pid: pid.rank):
        opened = {pid.name: fd for pid in rank if (fd := pid.open()) is not None}
        running += opened
        end(opened.values(), grace_s=grace_s)
    _end_sessions({pid.number for pid in recorded}, files.home)
    for pid in recorded:
        files.remove(pid.name)
    return running


def end(descriptors: Iterable[int], *, grace_s: float) -> None:
    """Terminate processes together, kill them after the grace, close the pidfds."""
    waiting = set(descriptors)
    for descriptor in waiting:
        send(descriptor, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    for descriptor in waiting:
        if not gone(descriptor, max(0.0, deadline - time.monotonic())):
            send(descriptor, signal.SIGKILL)
            gone(descriptor, grace_s)
        os.close(descriptor)


def send(descriptor: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(descriptor, number)


def gone(descriptor: int, timeout_s: float) -> bool:
    """Wait until the process of a pidfd has ended; False when it still runs after the time-out."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(timeout_s * 1000))


def _end_sessions(sessions: set[int], home: Path) -> None:
    """Kill what is left in the sessions of ended leaders, if its environment names this home."""
    mark = f"{HOME_VARIABLE}={home}".encode()
    for number in _processes():
        with suppress(ProcessLookupError, PermissionError, FileNotFoundError):
            if int(_stat(number)[3]) not in sessions:
                continue
            pid = Pid.of("member", number, 0)
            if mark in _environment(number).split(b"\0") and (fd := pid.open()) is not None:
                send(fd, signal.SIGKILL)
                os.close(fd)


def _environment(number: int) -> bytes:
    """Return a process's environment; during an execve it is empty for a short time (proc(5))."""
    deadline = time.monotonic() + 0.5
    while not (text := Path(f"/proc/{number}/environ").read_bytes()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return text


def _processes() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _stat(number: int) -> list[str]:
    """Return the fields of /proc/<pid>/stat after the name: [3] is the session, [19] the start (proc(5))."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        raise ProcessLookupError(number) from None
