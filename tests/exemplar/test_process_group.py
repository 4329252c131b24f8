"""Several processes of one kind, on real processes: they answer, are replaced, and end together."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import aiohttp
import pytest

from tests.systems.commands import run_command
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.waiting import until

ROOT = Path(__file__).parents[2]


def children_of(parent: int) -> set[int]:
    """Return the process ids of the living children of a process."""
    found = set()
    for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        with suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX":
                found.add(int(pid))
    return found


def program(text: str) -> subprocess.Popen[str]:
    """Run a process group whose children do `text`; `told` prints a line."""
    head = (
        "import os, signal, sys, time\n"
        "from exemplar import process_group\n"
        "from exemplar.logging import configure_logging\n"
        "configure_logging('test')\n"
        "told = lambda line: (sys.stdout.write(f'{line}\\n'), sys.stdout.flush())\n"
    )
    return subprocess.Popen([sys.executable, "-c", head + text], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def lines_of(process: subprocess.Popen[str], count: int) -> list[str]:
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.fixture
def running() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start programs, and kill what is left of them."""
    started: list[subprocess.Popen[str]] = []

    def start(text: str) -> subprocess.Popen[str]:
        started.append(program(text))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def system(databases: Databases, amqp_url: str, tmp_path: Path) -> Iterator[System]:
    with opened_system(tmp_path, databases, amqp_url) as opened:
        yield opened


@pytest.fixture
async def one_by_one() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a connection for each request, so that any process may get it."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


async def test_two_gateways_answer_on_one_port_and_outlive_each_other(
    system: System, one_by_one: aiohttp.ClientSession
) -> None:
    url = system.start_gateway("several", *system.options.command, "gateway", "--processes", "2")
    parent = system.pid("several")

    async def answers(times: int = 10) -> None:
        for _ in range(times):
            async with one_by_one.get(f"{url}/openapi.json") as response:
                assert response.status == 200

    def ready() -> int:
        return sum(line["event"] == "ready" for line in system.logged("several"))

    await until(lambda: ready() == 2, "both are ready", within=60)
    first, second = children_of(parent)
    await answers()
    os.kill(first, signal.SIGKILL)
    await until(lambda: first not in children_of(parent), "the killed one is gone", within=10)
    await answers()
    await until(lambda: ready() == 3, "it is replaced", within=60)
    os.kill(second, signal.SIGKILL)
    await until(lambda: second not in children_of(parent), "the other is gone", within=10)
    await answers()
    lines = system.logged("several")
    assert {line["process"] for line in lines if line["event"] == "listening"} == {1, 2}
    assert [line["exit_code"] for line in lines if line["event"] == "process_died"] == [-signal.SIGKILL] * 2
    await until(lambda: ready() == 4, "it is replaced too", within=60)
    assert await system.terminate("several") == {"several": 0}
    with pytest.raises(aiohttp.ClientConnectorError):
        await answers(1)


async def test_two_workers_share_the_queues_and_end_together(system: System) -> None:
    command = (*system.options.command, "worker", "--processes", "2")
    system._children["worker"] = child = system._child("worker", system.env, command=command)
    child.start()

    def ready() -> set[int]:
        return {line["process"] for line in system.logged("worker") if line["event"] == "ready"}

    await until(lambda: ready() == {1, 2}, "both are ready", within=60)
    assert len(children_of(child.pid or 0)) == 2
    assert await system.terminate("worker") == {"worker": 0}


async def test_children_end_when_their_parent_is_killed(system: System) -> None:
    system.start_gateway("several", *system.options.command, "gateway", "--processes", "2")
    children = children_of(system.pid("several"))
    assert len(children) == 2
    system.kill("several")
    await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), "all have ended", within=30)


def test_a_port_that_another_program_has_is_one_error_and_no_restart(system: System, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        env = system.env | {"EXEMPLAR_PORT": str(taken.getsockname()[1])}
        done = run_command("gateway", "--processes", "2", env=env, cwd=tmp_path)
    assert done.code == 2
    assert "EXEMPLAR_PORT" in done.error
    assert "process_died" not in done.error


def test_a_wrong_setting_stops_the_parent_before_a_child_is_started(system: System, tmp_path: Path) -> None:
    env = system.env | {"EXEMPLAR_PORT": "many"}
    done = run_command("gateway", "--processes", "3", env=env, cwd=tmp_path)
    assert done.code == 2
    assert len(done.error.splitlines()) == 1


def test_a_child_that_dies_at_once_is_restarted_with_growing_pauses(
    running: Callable[[str], subprocess.Popen[str]],
) -> None:
    process = running(
        "code = process_group.ProcessGroup(1).fork()\n"
        "if code is None:\n    told(time.monotonic())\n    os._exit(3)\n"
        "sys.exit(code)\n"
    )
    starts = [float(line) for line in lines_of(process, 4)]
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert [pause >= least for pause, least in zip(pauses, (0.5, 1, 2), strict=True)] == [True] * 3
    time.sleep(1)  # the fourth is gone, the fifth would start after 4 s
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert time.monotonic() - began < 5


def test_a_child_that_does_not_stop_is_killed_and_told(running: Callable[[str], subprocess.Popen[str]]) -> None:
    process = running(
        "process_group._STOP_SECONDS = 0.5\n"
        "code = process_group.ProcessGroup(2).fork()\n"
        "if code is None:\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    told('up')\n    time.sleep(60)\n"
        "sys.exit(code)\n"
    )
    assert lines_of(process, 2) == ["up", "up"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 1
