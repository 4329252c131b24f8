"""The whole product as its own processes, on one database and one virtual host that nobody else has."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pika

from actors.subscriptions import QUEUES
from exemplar.local.options import Options
from exemplar.local.pids import PidFiles
from exemplar.local.ports import Ports
from exemplar.local.processes import Child, Program
from exemplar.local.programs import RANKS, Addresses, answers, environment
from exemplar.local.secrets_file import Secrets
from gateway.auth.authentication import AuthenticationSettings
from rabbitmq.topology import topology
from store.mongo.store import MongoStore
from store.settings import StoreSettings

# Short enough that lost and silent things are noticed within a test, long enough for a busy machine.
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
}
GRACE_S = 30.0
# A claim is good for 3 s, and looked for during the 3 s that a creation may take.
CLAIM_AND_GRACE_S = 6.0


class System:
    """Starts, kills and asks the processes of one installation; `amqp_url` None runs all of it in one."""

    def __init__(self, home: Path, mongodb_url: str, amqp_url: str | None) -> None:
        ports = Ports(home / "ports.json")
        self.home, self.secrets = home, Secrets()
        self.hidden: set[str] = set(self.secrets.model_dump().values())
        self.names = ("sandbox", "gateway", "worker", "scheduler") if amqp_url else ("sandbox", "solo")
        self._addresses = _addresses(ports, mongodb_url, amqp_url, ports.of("gateway"))
        self.options = Options(home=home, port=self._addresses.port)
        self.env = environment(self.options, self.secrets, self._addresses) | TIMEOUTS
        self._children = {name: self._child(name, self.env) for name in self.names}
        self._lines_before: dict[str, int] = {}
        self._extra_ports = ports
        # Whether a process was stopped for so long that its claim may have been given up meanwhile.
        self.overslept = False
        # Generations whose pictures a journey threw away behind everybody's back.
        self.stripped: set[str] = set()

    @property
    def base_url(self) -> str:
        return self._addresses.base_url

    @property
    def sandbox_url(self) -> str:
        return self._addresses.sandbox_url or ""

    def log_file(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def start(self, *names: str) -> None:
        """Start processes that do not run, together, and wait until each does its work."""
        for name in self._launch(names or self.names):
            self._children[name].wait_until(self._is_ready(name), deadline_s=60)

    async def restart(self, *names: str) -> None:
        """End processes by SIGKILL and start them again, while the test goes on."""
        self.kill(*names)
        for name in self._launch(names):
            await until(self._is_ready(name), f"{name} is ready", within=60)

    def start_second_gateway(self, amqp_url: str) -> str:
        """Start one more gateway that looks for RabbitMQ elsewhere; return its base URL."""
        port = self._extra_ports.of("second gateway")
        env = self.env | {"EXEMPLAR_PORT": str(port), "EXEMPLAR_AMQP_URL": amqp_url}
        child = self._children["second gateway"] = self._child("gateway", env, log="second gateway")
        child.start()
        child.wait_until(answers(port), deadline_s=60)
        return f"http://127.0.0.1:{port}"

    def kill(self, *names: str) -> None:
        """End processes by SIGKILL, in the middle of whatever they do."""
        for name in names:
            self._children[name].kill()
        for name in names:
            self._children[name].stop()

    async def freeze(self, name: str, *, seconds: float) -> None:
        """Stop a process for a while (SIGSTOP), so that it goes on with what is long outdated."""
        pid = self._children[name].pid or 0
        began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
            self.overslept |= time.monotonic() - began > CLAIM_AND_GRACE_S

    async def terminate(self, *names: str) -> dict[str, int]:
        """End processes by SIGTERM, all at once; return their exit codes."""
        codes = await asyncio.gather(*(self._terminated(self._children[name]) for name in names))
        return dict(zip(names, codes, strict=True))

    def close(self) -> None:
        """End everything, the sandbox last."""
        for child in sorted(self._children.values(), key=lambda child: child.program.rank):
            child.stop()

    def purge(self) -> int:
        """Throw away every message that waits in a queue; return how many there were."""
        with pika.BlockingConnection(pika.URLParameters(self._addresses.amqp_url)) as connection:
            channel = connection.channel()
            table = topology(QUEUES)
            return sum(channel.queue_purge(queue).method.message_count for queue in map(table.queue, QUEUES))

    @asynccontextmanager
    async def memory(self) -> AsyncIterator[MongoStore]:
        """Open the store beside the processes."""
        settings = StoreSettings.model_validate({"mongodb_url": self._addresses.mongodb_url})
        store = MongoStore.open(settings, holder="tests", clock=lambda: datetime.now(UTC))
        try:
            yield store
        finally:
            store.close()

    @property
    def authentication(self) -> AuthenticationSettings:
        return AuthenticationSettings.model_validate({"key_peppers": {1: self.secrets.key_pepper}})

    def logged(self, name: str) -> list[dict[str, Any]]:
        """Read what a process has logged since the beginning."""
        return [json.loads(line) for line in self._log_lines(name)]

    async def _terminated(self, child: Child) -> int:
        os.kill(child.pid or 0, signal.SIGTERM)
        async with asyncio.timeout(GRACE_S):
            code = await child.ended()
        child.stop()
        return code

    def _child(self, name: str, env: dict[str, str], log: str | None = None) -> Child:
        program = Program(
            name=log or name,
            command=(*self.options.command, name),
            env=env,
            log=self.log_file(log or name),
            rank=RANKS[name],
            grace_s=GRACE_S,
        )
        return Child(program, PidFiles(self.home))

    def _launch(self, names: Sequence[str]) -> list[str]:
        sleeping = [name for name in names if not self._children[name].running()]
        for name in sleeping:
            self._lines_before[name] = len(self._log_lines(name))
            self._children[name].start()
        return sleeping

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


def _addresses(ports: Ports, mongodb_url: str, amqp_url: str | None, port: int) -> Addresses:
    return Addresses(
        base_url=f"http://127.0.0.1:{port}",
        port=port,
        mongodb_url=mongodb_url,
        amqp_url=amqp_url,
        sandbox_port=ports.of("sandbox"),
    )


async def until(true: Callable[[], Any], what: str, *, within: float = 30.0, every: float = 0.05) -> Any:
    """Ask until the answer is truthy, and return it; `true` may be async. Fail after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        answer = true()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {within:.0f} s: {what}"
        await asyncio.sleep(every)


class Sandbox:
    """The knobs and counters of a system's provider."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def arm(self, **faults: object) -> None:
        """Let the next creates go wrong in this way; nothing clears it."""
        async with self._session.post(f"{self._url}/_sandbox/faults", json=faults) as answer:
            assert answer.status == 200, await answer.text()

    async def taken(self) -> None:
        """Wait until the armed faults have met their create."""
        await until(self._is_unarmed, "the provider is asked for a picture", within=45)

    async def creations(self, generation: str) -> list[dict[str, Any]]:
        """Read what was made, and paid, for a generation."""
        async with self._session.get(f"{self._url}/_sandbox/creations") as answer:
            made = (await answer.json())["creations"]
        return [creation for creation in made if creation["generation"] == generation]

    async def prediction(self, prediction: str, token: str) -> dict[str, Any]:
        """Ask the provider's own API how a prediction stands."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.get(f"{self._url}/v1/predictions/{prediction}", headers=headers) as answer:
            return dict(await answer.json())

    async def trapped(self) -> int:
        """Count who followed a redirect to where no download may go."""
        async with self._session.get(f"{self._url}/_sandbox/trapped") as answer:
            return int((await answer.json())["hits"])

    async def _is_unarmed(self) -> bool:
        async with self._session.get(f"{self._url}/_sandbox/faults") as answer:
            armed: dict[str, Any] = await answer.json()
        return not armed
