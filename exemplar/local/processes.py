"""Processes of our own: started in their own session, ended with us, never left behind."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from exemplar.local.errors import LocalError
from exemplar.local.pids import HOME_VARIABLE, Pid, PidFiles, gone, send

LAUNCHER = Path(__file__).with_name("launcher.py")


PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH")


def bare(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a foreign server gets of our environment: no secrets, no settings of another server."""
    return {name: environ[name] for name in PASSED_ON if name in environ}


@dataclass(frozen=True, slots=True)
class Program:
    """Describe what to run. Programs of a lower rank are stopped first, those of one rank together."""

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    log: Path
    rank: int = 0
    grace_s: float = 10.0
    on_parent_death: signal.Signals = signal.SIGKILL


class Child:
    """Run one program; start again after it ended as often as wanted.

    Call start() in a thread that outlives the child (the main one): the parent-death signal means the thread.
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
        self._forget()
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
                env={**program.env, HOME_VARIABLE: str(self._files.home)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._descriptor = os.pidfd_open(self._process.pid)
        self._files.write(Pid.of(self.name, self._process.pid, program.rank))

    def running(self) -> bool:
        return self._process is not None and not gone(self._descriptor, 0)

    async def ended(self) -> int:
        """Wait until the program has ended by itself or was stopped, and return its exit code."""
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
        """Ask the program to end, kill it after its grace, then kill what is left of its session's group."""
        if self._process is None:
            return
        send(self._descriptor, signal.SIGTERM)
        if not gone(self._descriptor, self.program.grace_s):
            self.kill()
            gone(self._descriptor, self.program.grace_s)
        self._forget()
        self._files.remove(self.name)

    def kill(self) -> None:
        """Kill the program without waiting; a stop() that waits in another thread goes on at once."""
        with self._changing:
            if self._process is not None:
                send(self._descriptor, signal.SIGKILL)

    def wait_until(self, ready: Callable[[], bool], *, deadline_s: float, poll_s: float = 0.02) -> None:
        """Wait until the program does its work; LocalError with the end of its log if it ends or is late."""
        deadline = time.monotonic() + deadline_s
        while not ready():
            if not self.running():
                raise LocalError(f"{self.name} ended while starting{self.last_words()}")
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} was not ready after {deadline_s:.0f} s{self.last_words()}")
            time.sleep(poll_s)

    def last_words(self, lines: int = 8) -> str:
        """Return the last lines of the log, indented, after its path; empty when there is none."""
        try:
            text = self.program.log.read_bytes()[-8000:].decode(errors="replace").splitlines()[-lines:]
        except FileNotFoundError:
            return ""
        return f"; the end of {self.program.log}:" + "".join(f"\n    {line}" for line in text)

    def _exit_code(self) -> int:
        """Look at the exit code without reaping: the number stays ours until _forget()."""
        if self._process is None:
            return 0
        result = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if result is None:
            return 0
        return result.si_status if result.si_code == os.CLD_EXITED else -result.si_status

    def _forget(self) -> None:
        """Reap the ended process. Its group is killed before: until then nobody else can have its number."""
        with self._changing:
            if self._process is None:
                return
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            os.close(self._descriptor)
            self._process = None
