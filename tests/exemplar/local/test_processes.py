"""Child processes: ended with their parent, restarted, distinguished from other processes."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exemplar.environment import ConfigurationError
from exemplar.local.pids import Pid, PidFiles, reap
from exemplar.local.processes import Child, Program, move_older_logs
from exemplar.local.supervisor import Supervisor
from tests.systems.waiting import until as eventually

if TYPE_CHECKING:
    from tests.exemplar.local.conftest import Waiter

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
WRITER = "import time\nwhile True: print('line', flush=True); time.sleep(0.01)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"
HELD_BACK = "from exemplar.starting import wait_until_released as wait; print('up', flush=True); wait(); print('here')"
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {SLEEPER!r}])
print(child.pid, flush=True)
child.wait()
"""
OWNER = f"""
import sys, time
from pathlib import Path
from exemplar.local.pids import PidFiles
from exemplar.local.processes import Child, Program

home = Path(sys.argv[1])
program = Program(name="child", command=(sys.executable, "-c", {SLEEPER!r}), env={{}}, log=home / "child.log")
child = Child(program, PidFiles(home))
child.start()
child.wait_until(lambda: "here" in program.log.read_text(), deadline_s=10)
print(child.pid, flush=True)
time.sleep(600)
"""


def child_of(home: Path, code: str, *, name: str = "sleeper", grace_s: float = 5.0) -> Child:
    program = Program(
        name=name,
        command=(sys.executable, "-c", code),
        env=dict(os.environ),
        log=home / "logs" / f"{name}.log",
        grace_s=grace_s,
    )
    return Child(program, PidFiles(home))


def says_here(child: Child) -> bool:
    return "here" in child.program.log.read_text()


def exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_child_runs_in_its_own_session_and_ends_by_sigterm(tmp_path: Path) -> None:
    child = child_of(tmp_path, SLEEPER)
    child.start()
    child.wait_until(lambda: says_here(child), deadline_s=10)
    pid = child.pid
    assert pid is not None
    assert os.getsid(pid) == pid != os.getsid(0)
    child.stop()
    assert not exists(pid)
    assert list((tmp_path / "run").iterdir()) == []


def test_a_child_that_ignores_sigterm_is_killed_after_its_grace(tmp_path: Path) -> None:
    child = child_of(tmp_path, STUBBORN, grace_s=0.1)
    child.start()
    child.wait_until(lambda: says_here(child), deadline_s=10)
    pid = child.pid
    assert pid is not None
    child.stop()
    assert not exists(pid)


def test_the_children_of_a_child_end_with_it(tmp_path: Path, until: Waiter) -> None:
    child = child_of(tmp_path, PARENT)
    child.start()
    child.wait_until(lambda: says_here(child), deadline_s=10)
    grandchild = int(child.program.log.read_text().split()[0])
    child.stop()
    until(lambda: not exists(grandchild), "the end of the grandchild")


def test_a_held_child_prepares_itself_and_goes_on_when_it_is_released(tmp_path: Path) -> None:
    child = child_of(tmp_path, HELD_BACK)
    child.start_held()
    child.wait_until(lambda: "up" in child.program.log.read_text(), deadline_s=10)
    assert child.running()
    assert not says_here(child)
    child.release()
    child.wait_until(lambda: says_here(child), deadline_s=10)
    child.stop()
    child.start()
    child.wait_until(lambda: child.program.log.read_text().count("here") == 2, deadline_s=10)
    child.release()
    child.stop()


def test_a_held_child_ends_when_its_parent_does_without_a_word(tmp_path: Path) -> None:
    child = child_of(tmp_path, HELD_BACK)
    child.start_held()
    assert child._process is not None
    assert child._process.stdin is not None
    child._process.stdin.close()
    assert asyncio.run(child.ended()) == 0
    assert not says_here(child)
    child.stop()


def test_a_missing_program_is_reported(tmp_path: Path) -> None:
    program = Program(name="nothing", command=("/no/such/program",), env={}, log=tmp_path / "nothing.log")
    child = Child(program, PidFiles(tmp_path))
    child.start()
    with pytest.raises(ConfigurationError, match=r"(?s)nothing ended while starting.*/no/such/program: No such file"):
        child.wait_until(lambda: False, deadline_s=10)
    child.stop()


def test_a_child_that_is_not_ready_in_time_is_named(tmp_path: Path) -> None:
    child = child_of(tmp_path, SLEEPER)
    child.start()
    with pytest.raises(ConfigurationError, match="sleeper was not ready after 0 s"):
        child.wait_until(lambda: False, deadline_s=0.1)
    child.stop()


def test_the_children_of_a_killed_parent_die(tmp_path: Path, until: Waiter) -> None:
    root = str(Path(__file__).parents[3])
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=root
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        assert exists(pid)
        process.kill()
    until(lambda: not exists(pid), "the end of the orphan")


def test_reaping_ends_recorded_processes(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True) as left:
        PidFiles(tmp_path).write(Pid.of("left", left.pid, 0))
        assert reap(tmp_path) == ["left"]
        assert left.wait(10) == -signal.SIGTERM
    assert list((tmp_path / "run").iterdir()) == []


def test_reaping_ends_a_session_whose_leader_has_ended(tmp_path: Path, until: Waiter) -> None:
    env = {**os.environ, "EXEMPLAR_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        start_new_session=True,
        env=env,
        stdout=subprocess.PIPE,
        text=True,
    ) as leader:
        assert leader.stdout is not None
        orphan = int(leader.stdout.readline())
        PidFiles(tmp_path).write(Pid.of("leader", leader.pid, 0))
        leader.kill()
        leader.wait()
        assert exists(orphan)
        reap(tmp_path)
        until(lambda: not exists(orphan), "the end of the orphan")


def test_reaping_never_ends_another_process_with_a_reused_number(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=True) as other_process:
        now = Pid.of("gone", other_process.pid, 0)
        PidFiles(tmp_path).write(Pid("gone", now.number, now.started - 100, 0))
        assert reap(tmp_path) == []
        assert other_process.poll() is None
        other_process.kill()


def test_reaping_skips_a_damaged_pid_file(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "odd.pid").write_text("{")
    assert reap(tmp_path) == []


async def test_a_child_that_keeps_ending_is_not_restarted_forever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exemplar.local.supervisor.FIRST_PAUSE_S", 0.001)
    child = child_of(tmp_path, "print('no licence'); raise SystemExit(3)", name="short")
    said: list[str] = []
    supervisor = Supervisor(said.append)
    supervisor.adopt(child)
    child.start()
    with pytest.raises(ConfigurationError, match=r"(?s)short ended 6 times within a minute.*no licence"):
        await asyncio.wait_for(supervisor.watch(), 30)
    await supervisor.stop()
    assert [line.partition(",")[0] for line in said] == ["short ended (exit code 3)"] * 5


async def test_a_full_disk_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exemplar.local.supervisor.FIRST_PAUSE_S", 0.001)

    def refuse(_: PidFiles, pid: Pid) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    child, supervisor = child_of(tmp_path, "raise SystemExit(3)", name="short"), Supervisor(lambda _: None)
    supervisor.adopt(child)
    child.start()
    monkeypatch.setattr(PidFiles, "write", refuse)
    with pytest.raises(ConfigurationError, match="short cannot be started again: No space left on device"):
        await asyncio.wait_for(supervisor.watch(), 30)
    await supervisor.stop()


def test_five_older_logs_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    for start in range(8):
        move_older_logs(log)
        log.with_name("worker.log.1").write_text(str(start))
    assert {path.suffix: path.read_text() for path in tmp_path.iterdir()} == dict(
        zip((".1", ".2", ".3", ".4", ".5"), "76543", strict=True)
    )


async def test_the_log_of_a_running_child_is_rotated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exemplar.local.supervisor.LOG_BYTES", 100)
    monkeypatch.setattr("exemplar.local.supervisor.LOGS_CHECKED_EVERY_S", 0.05)
    child = child_of(tmp_path, WRITER)
    log, older = child.program.log, child.program.log.with_name("sleeper.log.1")
    supervisor = Supervisor(lambda _: None)
    supervisor.adopt(child)
    child.start()
    supervising = asyncio.ensure_future(supervisor.watch())
    try:
        await eventually(older.exists, "the log is rotated")
        await eventually(lambda: log.stat().st_size, "the child goes on")
    finally:
        supervising.cancel()
        await asyncio.gather(supervising, return_exceptions=True)
        await supervisor.stop()
    assert log.read_text().startswith("line"), "the child goes on at the beginning of the emptied file"
    assert log.stat().st_size < 10_000
