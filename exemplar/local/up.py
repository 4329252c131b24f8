"""`exemplar up`: the whole system on one machine."""

import asyncio
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from exemplar.environment import ConfigurationError
from exemplar.local.home_lock import locked
from exemplar.local.hooks import Hooks
from exemplar.local.machine import Machine, Say
from exemplar.local.options import Options
from exemplar.local.pids import reap
from exemplar.local.ports import require_free
from exemplar.local.processes import move_older_logs
from exemplar.local.running import DEMO
from exemplar.local.secrets_file import open_secrets

ELSEWHERE = (
    "exemplar up needs Linux. Elsewhere use containers (docker compose --profile sandbox up --build), or a MongoDB of "
    "your own with `exemplar sandbox` and `exemplar solo`: see `Other machines` in CONTRIBUTING.md"
)


def print_line(line: str) -> None:
    """Print a line; a closed terminal is ignored."""
    with suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


async def up(options: Options, *, hooks: Hooks, say: Say = print_line) -> int:
    """Start the system, run one generation, wait for SIGINT or SIGTERM, stop everything in order.

    Returns the exit code: 0 after a signal, with `once` 0 only if there is a picture. Raises ConfigurationError with
    a line for the user when a start is not possible or a process keeps failing. Call it in the main thread:
    the children end with the thread that started them.
    """
    if sys.platform != "linux":
        raise ConfigurationError(ELSEWHERE)
    with locked(options.home):
        return await _run_until_signal(_prepare(options, hooks, say), say)


def _prepare(options: Options, hooks: Hooks, say: Say) -> Machine:
    (options.home / DEMO).unlink(missing_ok=True)
    left = reap(options.home)
    if left:
        say(f"  ended leftovers of an earlier start: {', '.join(left)}")
    for log in (options.home / "logs").glob("*.log"):
        move_older_logs(log)
        log.replace(log.with_name(log.name + ".1"))  # the logs of the previous start
    if options.port:
        require_free(options.port, options.host)
    return Machine(options, hooks, open_secrets(options.home / "secrets.json"), say)


async def _run_until_signal(machine: Machine, say: Say) -> int:
    """Run the machine until it is done or a signal comes, then stop it."""
    running = asyncio.ensure_future(_run(machine))
    interrupted = False

    def interrupt() -> None:
        nonlocal interrupted
        if interrupted or running.done():
            machine.supervisor.hurry()
        else:
            say("\nstopping (a second signal stops at once) ...")
            running.cancel()
        interrupted = True

    with _signals(interrupt):
        try:
            return await running
        except asyncio.CancelledError:
            if not interrupted:
                raise
            return 0
        finally:
            await machine.supervisor.stop()
            say("stopped; the data is kept")


async def _run(machine: Machine) -> int:
    await machine.start()
    return await machine.stay(machine.introduce())


@contextmanager
def _signals(react: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup leaves it
        wanted.append(signal.SIGHUP)
    for number in wanted:
        loop.add_signal_handler(number, react)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)
