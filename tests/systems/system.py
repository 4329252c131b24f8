"""The whole product as processes of its own, on one database and one virtual host."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pika

from actors.subscriptions import QUEUES
from exemplar.local.options import Options
from exemplar.local.pids import PidFiles
from exemplar.local.ports import Ports
from exemplar.local.processes import Child, Program
from exemplar.local.programs import RANKS, Addresses, answers, environment
from exemplar.local.secrets_file import Secrets
from gateway.auth.settings import AuthenticationSettings
from rabbitmq.topology import topology
from tests.stores import OpenStore, open_store
from tests.systems.databases import Databases
from tests.systems.forking import ForkedChild
from tests.systems.waiting import until

# Short, so that a test notices what is lost, yet long enough for a busy machine.
TIMEOUTS = {
    "EXEMPLAR_REDELIVERY_SECONDS": "1",
    "EXEMPLAR_CLAIM_SECONDS": "3",
    "EXEMPLAR_CREATE_SECONDS": "3",
    "EXEMPLAR_LOST_AFTER_SECONDS": "2",
    "EXEMPLAR_CIRCUIT_SECONDS": "2",
    "EXEMPLAR_READ_SECONDS": "10",
    "EXEMPLAR_SANDBOX_BOOT_SECONDS": "0.05",
    "EXEMPLAR_SANDBOX_PREDICT_SECONDS": "0.3",
    "EXEMPLAR_PASSWORD_MEMORY_KIB": "1024",
    "EXEMPLAR_PASSWORD_PASSES": "1",
    "EXEMPLAR_DECODER_WORKERS": "1",  # two cores are for more than one system
}
GRACE_S = 30.0
UNREACHABLE = "amqp://nobody:nothing@127.0.0.1:1/"
# A claim lasts 3 s; reconciliation searches for its prediction for the 3 s that a creation may take.
CLAIM_AND_GRACE = timedelta(seconds=6)


class System:
    """Starts, kills and observes the processes of one system; without `amqp_url` one process runs all.

    `environ` is added to the environment of the processes. With `forked` they are forks (`tests.systems.forking`).
    """

    def __init__(
        self,
        home: Path,
        mongodb_url: str,
        amqp_url: str | None,
        environ: Mapping[str, str] | None = None,
        *,
        forked: bool = True,
    ) -> None:
        ports = Ports(home / "ports.json")
        self.home, self.secrets, self._forked = home, Secrets(), forked
        self.hidden: set[str] = set(self.secrets.model_dump().values())
        self.names = ("sandbox", "gateway", "worker", "scheduler") if amqp_url else ("sandbox", "solo")
        self._addresses = _addresses(ports, mongodb_url, amqp_url, ports.of("gateway"))
        self.base_url = self._addresses.base_url
        self.options = Options(home=home, port=self._addresses.port, environ={**os.environ, **(environ or {})})
        self.env = environment(self.options, self.secrets, self._addresses) | TIMEOUTS
        self._extra_ports = ports
        self._children = {name: self._child(name, self.env) for name in self.names}
        self._lines_before: dict[str, int] = {}
        self.gateway_urls: dict[str, str] = {}
        # When a process was stopped for so long that its claim may have been given up meanwhile.
        self.overslept: list[tuple[datetime, datetime]] = []
        self.kills = 0
        # Generations whose pictures a test deleted.
        self.stripped: set[str] = set()

    @property
    def amqp_url(self) -> str | None:
        return self._addresses.amqp_url

    @property
    def sandbox_url(self) -> str:
        return self._addresses.sandbox_url or ""

    def pid(self, name: str) -> int:
        """Return the id of a running process."""
        return self._children[name].pid or 0

    def metrics_port(self, name: str) -> int:
        """Return the port of metrics and probes of a process."""
        own = f"{name}-metrics"
        return self._extra_ports.known(own) or self._extra_ports.of(own)

    def log_file(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def start(self, *names: str) -> None:
        """Start the processes that are not running, together, and wait until each is ready."""
        for name in self._launch(names or self.names):
            self._children[name].wait_until(self._is_ready(name), deadline_s=60)

    async def restart(self, *names: str) -> None:
        """Kill processes and start them again."""
        self.kill(*names)
        for name in self._launch(names):
            await until(self._is_ready(name), f"{name} is ready", within=60)

    def start_gateway(self, name: str, *command: str, amqp_url: str = UNREACHABLE, **environ: str) -> str:
        """Start one more gateway, or a program in its place, with more in its environment; return its base URL."""
        port = self._extra_ports.of(name)
        env = self.env | environ | {"EXEMPLAR_PORT": str(port), "EXEMPLAR_AMQP_URL": amqp_url}
        child = self._children[name] = self._child("gateway", env, log=name, command=command)
        child.start()
        child.wait_until(answers(port), deadline_s=60)
        self.gateway_urls[name] = f"http://127.0.0.1:{port}"
        return self.gateway_urls[name]

    def program(self, name: str, *arguments: str, **environ: str) -> None:
        """Run `exemplar ARGUMENTS`, with more in its environment, under a name from its next start."""
        assert name not in self._children or not self._children[name].running(), f"{name} runs"
        command = (*self.options.command, *arguments)
        self._children[name] = self._child(arguments[0], self.env | environ, log=name, command=command)

    async def run_again(self, *names: str) -> None:
        """Start those that do not run with the environment that all have."""
        stopped = [name for name in names if not self._children[name].running()]
        for name in stopped:
            self.program(name, name)
        await self.restart(*stopped)

    async def exit_code(self, name: str) -> int:
        """Wait until a process has ended; return its exit code."""
        code = await self._children[name].ended()
        self.kills += code == -signal.SIGKILL
        self._children[name].stop()
        return code

    def kill(self, *names: str) -> None:
        """End processes by SIGKILL."""
        self.kills += sum(self._children[name].running() for name in names)
        for name in names:
            self._children[name].kill()
        for name in names:
            self._children[name].stop()

    async def freeze(self, name: str, *, seconds: float) -> None:
        """Stop a process for some seconds (SIGSTOP), so that it continues with outdated state."""
        pid = self.pid(name)
        began = datetime.now(UTC)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
            ended = datetime.now(UTC)
            if ended - began > CLAIM_AND_GRACE:
                self.overslept.append((began, ended))

    async def terminate(self, *names: str) -> dict[str, int]:
        """End processes by SIGTERM, all at once; return their exit codes."""
        codes = await asyncio.gather(*(self._terminated(self._children[name]) for name in names))
        return dict(zip(names, codes, strict=True))

    def close(self) -> None:
        """Stop all processes, the sandbox last."""
        for child in sorted(self._children.values(), key=lambda child: child.program.rank):
            child.stop()

    def purge(self) -> int:
        """Delete every message in the queues; return how many there were."""
        with pika.BlockingConnection(pika.URLParameters(self._addresses.amqp_url)) as connection:
            channel = connection.channel()
            table = topology(QUEUES)
            return sum(channel.queue_purge(queue).method.message_count for queue in map(table.queue, QUEUES))

    @asynccontextmanager
    async def open_store(self) -> AsyncIterator[OpenStore]:
        """Open the store beside the processes."""
        async with open_store(self._addresses.mongodb_url) as store:
            yield store

    @property
    def authentication(self) -> AuthenticationSettings:
        return AuthenticationSettings.model_validate({"key_peppers": {1: self.secrets.key_pepper}})

    def logged(self, name: str) -> list[dict[str, Any]]:
        """Return all log lines of a process."""
        return [json.loads(line) for line in self._log_lines(name)]

    async def _terminated(self, child: Child) -> int:
        os.kill(child.pid or 0, signal.SIGTERM)
        async with asyncio.timeout(GRACE_S):
            code = await child.ended()
        child.stop()
        return code

    def _child(self, name: str, env: dict[str, str], log: str | None = None, command: tuple[str, ...] = ()) -> Child:
        own = self.options.command
        command = command or (*own, name)
        env = {"EXEMPLAR_METRICS_PORT": str(self.metrics_port(log or name)), **env}
        program = Program(
            name=log or name,
            command=command,
            env=env,
            log=self.log_file(log or name),
            rank=RANKS[name],
            grace_s=GRACE_S,
        )
        kind = ForkedChild if self._forked and command[: len(own)] == own else Child
        return kind(program, PidFiles(self.home))

    def _launch(self, names: Sequence[str]) -> list[str]:
        stopped = [name for name in names if not self._children[name].running()]
        for name in stopped:
            self._lines_before[name] = len(self._log_lines(name))
            self._children[name].start()
        return stopped

    def _is_ready(self, name: str) -> Callable[[], bool]:
        def check() -> bool:
            fresh = self._log_lines(name)[self._lines_before[name] :]
            return any('"event": "ready"' in line or '"event": "sandbox_listening"' in line for line in fresh)

        return check

    def _log_lines(self, name: str) -> list[str]:
        try:
            return self.log_file(name).read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return []


@contextmanager
def opened_system(
    home: Path,
    databases: Databases,
    amqp_url: str | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    forked: bool = True,
) -> Iterator[System]:
    """Yield a system on a database of its own, not started; stop its processes and return the database."""
    with databases.lent() as mongodb_url:
        system = System(home, mongodb_url, amqp_url, environ, forked=forked)
        try:
            yield system
        finally:
            system.close()


def _addresses(ports: Ports, mongodb_url: str, amqp_url: str | None, port: int) -> Addresses:
    return Addresses(
        base_url=f"http://127.0.0.1:{port}",
        port=port,
        mongodb_url=mongodb_url,
        amqp_url=amqp_url,
        sandbox_port=ports.of("sandbox"),
    )
