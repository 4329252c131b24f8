"""Forks of one process that has imported the product, in place of new interpreters: a quarter of the work of a start.

The interpreter's own start is tested where `exemplar up`, README and the containers are.
"""

import ctypes
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from exemplar.local.launcher import PR_SET_PDEATHSIG
from exemplar.local.pids import HOME_VARIABLE, Pid
from exemplar.local.processes import Child

_GROUPS = ("accounts", "audit", "erase", "quota", "rebuild", "subscribers")
_FORKING = get_context("forkserver")
_PRELOADED = (__name__, "tests.systems.next_version", "exemplar.cli", "exemplar.processes", "sandbox.app")
_FORKING.set_forkserver_preload([*_PRELOADED, *(f"exemplar.commands.{one}" for one in _GROUPS), "tests.systems.frozen"])


_READING = threading.Lock()


def fork(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """Call a function of a module in a fork, which ends at the latest with this process."""
    process = _FORKING.Process(target=work, args=arguments, daemon=True)
    with _READING:
        process.start()
    return process


def ended(process: BaseProcess, within: float | None = None) -> int | None:
    """Wait for a fork; return its exit code, minus the number of the signal that ended it; None when it still runs.

    Only one thread at a time may read exit codes, and a start reads those of all that have ended.
    """
    if not wait([process.sentinel], within):
        return None
    with _READING:
        process.join()
        return process.exitcode


def become(env: Mapping[str, str], out: Path, error: Path) -> None:
    """Take another environment, and append the output to files."""
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None  # that of the environment
    for number, path in ((1, out), (2, error)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)


def exemplar(*arguments: str) -> None:
    """Run a command; ends as its process does."""
    sys.argv = ["exemplar", *arguments]
    import_module("tests.systems.next_version").become_next()
    import_module("exemplar.cli").main()


def sandbox(env: Mapping[str, str]) -> None:
    """Serve the stand-in for the provider, which says nothing."""
    nowhere = Path(os.devnull)
    become(env, nowhere, nowhere)
    import_module("sandbox.app").run(import_module("sandbox.settings").SandboxSettings())


@dataclass(frozen=True, slots=True)
class _Fork:
    """What `Child` knows of a process that it has started."""

    process: BaseProcess
    pid: int
    stdin: None = None

    def wait(self) -> None:
        ended(self.process)


class ForkedChild(Child):
    """Runs `exemplar ARGUMENTS`, which end the command of its program, in a fork."""

    def start(self) -> None:
        """Start the program with its output appended to its log, and write its pid file."""
        self._reap()
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        env = {**program.env, HOME_VARIABLE: str(self._files.home)}
        arguments = program.command[program.command.index("exemplar") + 1 :]
        process = fork(_serve, env, program.log, int(program.on_parent_death), arguments)
        assert process.pid is not None
        self._process = _Fork(process, process.pid)  # type: ignore[assignment]
        self._descriptor = os.pidfd_open(process.pid)
        self._files.write(Pid.of(self.name, process.pid, program.rank))

    def _exit_code(self) -> int:
        if not isinstance(self._process, _Fork) or self.running():
            return 0
        return ended(self._process.process) or 0


def _serve(env: Mapping[str, str], log: Path, deadly: int, arguments: tuple[str, ...]) -> None:
    """Run in a session of its own; the process that forks ends with that of the tests, and this one with it."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, deadly)
    become(env, log, log)
    exemplar(*arguments)
