"""The servers that all measured systems share: mongod, RabbitMQ and the sandbox, in a temporary home."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports, listening
from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from store.mongo.replica_set import initiate_replica_set

ROOT = Path(__file__).resolve().parent.parent
SANDBOX_TOKEN = "r8_" + "b" * 37


@dataclass(frozen=True)
class Servers:
    """Addresses and process ids."""

    home: Path
    ports: Ports
    mongod: Mongod
    rabbitmq: RabbitNode
    sandbox_url: str
    sandbox_pid: int

    def mongodb_url(self, database: str) -> str:
        return self.mongod.url(database)

    @property
    def pids(self) -> dict[str, int]:
        """The servers' processes by name."""
        return {
            "mongod": self.mongod.child.pid or 0,
            "rabbitmq": self.rabbitmq.node.pid or 0,
            "sandbox": self.sandbox_pid,
        }


@contextmanager
def open_servers(home: Path) -> Iterator[Servers]:
    """Start mongod, RabbitMQ and a sandbox that answers at once; stop them at the end."""
    ports = Ports(home / "ports.json")
    mongod = Mongod(home, ports.of("mongod"), os.environ)
    rabbit_ports = RabbitPorts(*(ports.of(name) for name in ("amqp", "distribution", "epmd")))
    rabbitmq = RabbitNode(home, rabbit_ports, os.environ, password="bench", definitions=None)
    with ExitStack() as stack:
        stack.callback(mongod.child.stop)
        stack.callback(rabbitmq.stop)
        mongod.launch()
        rabbitmq.launch()
        mongod.wait_ready(initiate_replica_set)
        rabbitmq.wait_ready()
        port = ports.of("sandbox")
        pid = stack.enter_context(process(home, "sandbox", exemplar("sandbox"), _sandbox(port), port=port))
        yield Servers(home, ports, mongod, rabbitmq, f"http://127.0.0.1:{port}", pid)


def exemplar(*arguments: str) -> list[str]:
    """Return the command line of one of the product's processes."""
    return [sys.executable, "-P", "-m", "exemplar", *arguments]


@contextmanager
def process(
    home: Path,
    name: str,
    command: list[str],
    environment: Mapping[str, str],
    *,
    port: int | None = None,
    ready: bytes | None = None,
) -> Iterator[int]:
    """Run a process until the end of the block; wait for its port, or for a text in its log."""
    log = home / f"{name}-{time.time_ns()}.log"
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | dict(environment)
    with log.open("wb") as output:
        child = subprocess.Popen(command, env=env, stdout=output, stderr=output, cwd=ROOT)
    try:
        while not (listening(port) if port is not None else (ready or b"") in log.read_bytes()):
            if child.poll() is not None:
                raise RuntimeError(f"{name} ended:\n{log.read_text()[-4000:]}")
            time.sleep(0.05)
        yield child.pid
    finally:
        child.terminate()
        try:
            child.wait(30)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _sandbox(port: int) -> dict[str, str]:
    return {
        "EXEMPLAR_SANDBOX_PORT": str(port),
        "EXEMPLAR_SANDBOX_TOKEN": SANDBOX_TOKEN,
        "EXEMPLAR_SANDBOX_PICTURE": "ready",
        "EXEMPLAR_SANDBOX_BOOT_SECONDS": "0",
        "EXEMPLAR_SANDBOX_PREDICT_SECONDS": "0",
    }
