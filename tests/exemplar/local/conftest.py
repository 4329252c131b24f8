import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exemplar.local.pids import reap
from exemplar.local.ports import Ports

ROOT = Path(__file__).parents[3]
LONGEST = 90
"""Seconds: RabbitMQ takes four of processor time to start, and other tests run beside."""

Waiter = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def until() -> Waiter:
    """Return a function that waits for a condition, and fails with a text when it is not met."""

    def wait(condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + LONGEST
        while not condition():
            assert time.monotonic() < deadline, f"waited {LONGEST} s for: {what}"
            time.sleep(0.02)

    return wait


class FakeUp:
    """A running `exemplar up` whose product is a stand-in."""

    def __init__(self, folder: Path, port: int) -> None:
        self.home = folder / "home"
        self.port = port
        self.notes = folder / "notes"
        self.notes.touch()
        self.started: list[subprocess.Popen[str]] = []

    def start(self, broker: str, *flags: str, **env: str) -> subprocess.Popen[str]:
        command = [
            sys.executable,
            str(Path(__file__).with_name("fake_up.py")),
            str(self.home),
            str(self.port),
            broker,
            *flags,
        ]
        environ = {key: value for key, value in os.environ.items() if key != "REPLICATE_API_TOKEN"}
        environ |= {"PYTHONPATH": str(ROOT), "FAKE_NOTES": str(self.notes), **env}
        process = subprocess.Popen(
            command,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def is_ready(self) -> bool:
        return (self.home / "demo.json").exists()

    def noted(self) -> list[str]:
        return self.notes.read_text().split("\n")[:-1]

    def children(self) -> list[int]:
        """Return the processes whose environment names this home."""
        mark = f"EXEMPLAR_HOME={self.home}".encode()
        return [pid for pid in processes() if mark in environment_of(pid)]


def processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def environment_of(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []


@pytest.fixture
def fake_up(tmp_path: Path) -> Iterator[FakeUp]:
    fake = FakeUp(tmp_path, Ports(tmp_path / "gateway.json").of("gateway"))
    yield fake
    for process in fake.started:
        process.kill()
        process.communicate()
    reap(fake.home, grace_s=1)
