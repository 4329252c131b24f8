"""Child processes: each in its own session, ended with the parent."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exemplar.environment import ConfigurationError
from exemplar.local.pids import HOME_VARIABLE, Pid, PidFiles, gone, send
from exemplar.starting import HELD

LAUNCHER = Path(__file__).with_name("launcher.py")
OLDER_LOGS = 5
"""Files of each log besides the present one: several starts, as there are in an incident."""


INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for another product's server: no secrets, no settings."""
    return {name: environ[name] for name in INHERITED if name in environ}


@dataclass(frozen=True, slots=True)
class Program:
    """A program to run. Programs of a lower rank are stopped first, those of one rank together."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    rank: int = 0
    grace_s: float = 10.0
    on_parent_death: signal.Signals = signal.SIGKILL


def move_older_logs(log: Path) -> None:
    """Make room for a log as `.1`: the older ones get the number above theirs, and the oldest is dropped."""
    for number in range(OLDER_LOGS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.exists():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))


class Child:
    """Runs one program; start() may be called again after it has ended.

    Call start() in a thread that outlives the child (the main one): the parent-death signal is sent when
    the thread ends.
    """

    def __init__(self, program: Program, files: PidFiles) -> None:
        self.program = program
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None
        self._descriptor = -1
        self._changing = threading.Lock()

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the program with its output appended to its log, and write its pid file."""
        self._start({}, subprocess.DEVNULL)

    def start_held(self) -> None:
        """Start as `start`; a process of the product prepares itself and waits for `release`."""
        self._start({HELD: "1"}, subprocess.PIPE)

    def release(self) -> None:
        """Let a program that was started held go on."""
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError), self._process.stdin as released:  # it may have ended
                released.write(b"\n")

    def _start(self, more: Mapping[str, str], stdin: int) -> None:
        self._reap()
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        launcher = [
            sys.executable,
            "-I",
            "-S",
            str(LAUNCHER),
            str(int(program.on_parent_death)),
            str(os.getpid()),
        ]
        with program.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is our own, no shell
                [*launcher, *program.command],
                env={**program.env, **more, HOME_VARIABLE: str(self._files.home)},
                stdin=stdin,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._descriptor = os.pidfd_open(self._process.pid)
        self._files.write(Pid.of(self.name, self._process.pid, program.rank))

    def running(self) -> bool:
        return self._process is not None and not gone(self._descriptor, 0)

    async def ended(self) -> int:
        """Wait until the program has ended; return its exit code."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        if self.running():
            descriptor = os.dup(self._descriptor)
            loop.add_reader(descriptor, over.set)
            try:
                await over.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
        return self._exit_code()

    def stop(self) -> None:
        """Terminate the program, kill it after its grace, then kill what is left of its process group."""
        if self._process is None:
            return
        send(self._descriptor, signal.SIGTERM)
        if not gone(self._descriptor, self.program.grace_s):
            self.kill()
            gone(self._descriptor, self.program.grace_s)
        self._reap()
        self._files.remove(self.name)

    def kill(self) -> None:
        """Kill the program without waiting; a stop() in another thread then returns at once."""
        with self._changing:
            if self._process is not None:
                send(self._descriptor, signal.SIGKILL)

    def wait_until(self, ready: Callable[[], bool], *, deadline_s: float, poll_s: float = 0.02) -> None:
        """Wait until the program is ready; raise ConfigurationError with the end of its log if it ends or is late."""
        deadline = time.monotonic() + deadline_s
        while not ready():
            if not self.running():
                raise ConfigurationError(f"{self.name} ended while starting{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ConfigurationError(f"{self.name} was not ready after {deadline_s:.0f} s{self.log_tail()}")
            time.sleep(poll_s)

    def rotate_log(self, most: int) -> None:
        """Copy the log to `.1` when it has more than `most` bytes; the program goes on writing to the emptied file."""
        log = self.program.log
        with suppress(FileNotFoundError):
            if log.stat().st_size > most:
                move_older_logs(log)
                shutil.copyfile(log, log.with_name(f"{log.name}.1"))
                os.truncate(log, 0)

    def log_tail(self, lines: int = 8) -> str:
        """Return the last lines of the log, indented, after its path; empty when there is none."""
        try:
            text = self.program.log.read_bytes()[-8000:].decode(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return ""
        return f"; the end of {self.program.log}:" + "".join(f"\n    {line}" for line in text)

    def _exit_code(self) -> int:
        """Return the exit code without reaping: the number stays reserved until _reap()."""
        if self._process is None:
            return 0
        result = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if result is None:
            return 0
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status

    def _reap(self) -> None:
        """Kill the process group and reap the process: until then its number is not reused."""
        with self._changing:
            if self._process is None:
                return
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            os.close(self._descriptor)
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._process = None
