"""The measured systems behind one shape: exemplar, the peer, and the floor."""

import asyncio
import hashlib
import json
import secrets
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from pymongo import MongoClient

from bench.http import Answer, Connection, connection_to, request_bytes, submission
from bench.registration import register_user
from bench.servers import SANDBOX_TOKEN, Servers, exemplar, process
from sandbox.catalogue import VERSIONS
from sandbox.webhooks import secret_for

OPERATOR_KEY = "o" * 32
SECRETS = {
    **dict.fromkeys(("EXEMPLAR_JWT_SECRET", "EXEMPLAR_ID_SECRET", "EXEMPLAR_CALLBACK_SECRET"), "k" * 32),
    "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": "p" * 32}),
    "EXEMPLAR_WEBHOOK_MASTER_KEYS": json.dumps({"1": "m" * 32}),
    "EXEMPLAR_OPERATOR_KEYS": json.dumps([OPERATOR_KEY]),
    "EXEMPLAR_PASSWORD_MEMORY_KIB": "64",
    "EXEMPLAR_MAX_CONNECTIONS": "100000",
}


@dataclass(frozen=True)
class System:
    """A running system: its process ids by name, one account's headers per client, and how often it was polled."""

    name: str
    url: str
    submit_path: str
    status_path: str
    pids: dict[str, int]
    accounts: Sequence[dict[str, str]]
    database: str = ""
    connections: dict[int, Connection] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def connection(self, client: int) -> Connection:
        """Return the kept-alive connection of a client."""
        return self.connections.setdefault(client, connection_to(self.url))

    def submit_request(self, account: int, images: list[bytes], prompt: str) -> bytes:
        headers, body = submission(images, json.dumps({"prompt": prompt}))
        return request_bytes("POST", self.url + self.submit_path, {**self.accounts[account], **headers}, body)

    def read_request(self, account: int, path: str) -> bytes:
        return request_bytes("GET", self.url + path, self.accounts[account])

    async def submit(self, client: int, request: bytes) -> str:
        """Send a prepared submission; return the id of what was accepted."""
        answer = await self.connection(client).send(request)
        assert answer.status == 202, (self.name, answer.status, answer.body[:500])
        return str(answer.json()["id"])

    async def read(self, client: int, request: bytes) -> Answer:
        answer = await self.connection(client).send(request)
        assert answer.status == 200, (self.name, answer.status, answer.body[:500])
        return answer

    def reader(self, client: int, request: bytes) -> Callable[[], Awaitable[Answer]]:
        """Make the call of a client that sends one request again and again."""
        return lambda: self.read(client, request)

    def disconnect(self) -> None:
        """Close all connections: those of a finished event loop cannot be used in the next."""
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    async def finished(
        self, account: int, generation: str, *, pause: float = 0.02, within: float = 180.0
    ) -> dict[str, Any]:
        """Poll a generation until it is completed; return what is read then. Raises TimeoutError."""
        deadline = time.monotonic() + within
        request = self.read_request(account, self.status_path.format(generation))
        connection = connection_to(self.url)
        try:
            while True:
                self.counts["polls"] += 1
                found: dict[str, Any] = (await connection.send(request)).json()
                if found["status"] == "completed":
                    return found
                assert found["status"] != "failed", (self.name, generation)
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{generation} of {self.name} is {found['status']} after {within:.0f} s")
                await asyncio.sleep(pause)
        finally:
            connection.close()


@contextmanager
def open_ours(
    servers: Servers,
    *,
    accounts: int | Sequence[dict[str, str]],
    background: bool,
    database: str = "",
    settings: Mapping[str, str] | None = None,
) -> Iterator[System]:
    """Start a gateway and, with `background`, worker and scheduler, on a database of their own.

    `accounts` is the number to register, or the headers of those that the database has.
    """
    name = database or f"ours_{secrets.token_hex(4)}"
    port = servers.ports.of(f"gateway-{name}")
    environment = SECRETS | {
        "EXEMPLAR_MONGODB_URL": servers.mongodb_url(name),
        "EXEMPLAR_AMQP_URL": servers.rabbitmq.url,
        "EXEMPLAR_QUEUE_PREFIX": f"{name}.",
        "EXEMPLAR_PORT": str(port),
        "EXEMPLAR_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "REPLICATE_API_TOKEN": SANDBOX_TOKEN,
        "REPLICATE_BASE_URL": servers.sandbox_url,
        **(settings or {}),
    }
    with ExitStack() as stack:

        def start(role: str, **until: Any) -> int:
            return stack.enter_context(process(servers.home, role, exemplar(role), environment, **until))

        pids = {"gateway": start("gateway", port=port)}
        if background:
            pids["worker"] = start("worker", ready=b'"ready"')
            pids["scheduler"] = start("scheduler", ready=b'"ready"')
        url = f"http://127.0.0.1:{port}"
        made = asyncio.run(_accounts(url, accounts)) if isinstance(accounts, int) else accounts
        generations = "/api/v1/generation/generations-v2/{}/status"
        yield System("ours", url, "/api/v1/generation/generate-v2", generations, pids, made, name)


async def _accounts(url: str, count: int) -> list[dict[str, str]]:
    return [(await register_user(url, OPERATOR_KEY))["headers"] for _ in range(count)]


@contextmanager
def open_peer(servers: Servers, *, accounts: int, background: bool) -> Iterator[System]:
    """Start the peer's web process and, with `background`, its Celery worker with four processes."""
    name, port = f"peer_{secrets.token_hex(4)}", servers.ports.of(f"peer-{secrets.token_hex(4)}")
    url = f"http://127.0.0.1:{port}"
    environment = {
        "PEER_MONGODB_URL": servers.mongodb_url(name),
        "PEER_AMQP_URL": servers.rabbitmq.url,
        "PEER_PUBLIC_URL": url,
        "PEER_JWT_SECRET": "k" * 32,
        "PEER_WEBHOOK_SECRET": secret_for(SANDBOX_TOKEN),
        "REPLICATE_API_TOKEN": SANDBOX_TOKEN,
        "REPLICATE_BASE_URL": servers.sandbox_url,
        "REPLICATE_VERSION": next(iter(VERSIONS)),
    }
    web = [
        sys.executable,
        "-m",
        "uvicorn",
        "bench.peer.app:app",
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    worker = [sys.executable, "-m", "celery", "-A", "bench.peer.queue:queue", "worker"]
    worker += ["--concurrency", "4", "--loglevel", "INFO", "--queues", name]
    environment["PEER_QUEUE"] = name
    with ExitStack() as stack:
        made = _peer_accounts(servers.mongodb_url(name), accounts)
        pids = {"web": stack.enter_context(process(servers.home, "peer", web, environment, port=port))}
        if background:
            pids["worker"] = stack.enter_context(process(servers.home, "celery", worker, environment, ready=b" ready."))
        yield System("peer", url, "/generate", "/generations/{}", pids, made, name)


def _peer_accounts(mongodb_url: str, count: int) -> list[dict[str, str]]:
    found = []
    with MongoClient[dict[str, Any]](mongodb_url) as client:
        database = client.get_default_database()
        database["images"].create_index([("generation", 1), ("kind", 1), ("number", 1)])
        for _ in range(count):
            user, key = secrets.token_hex(8), secrets.token_urlsafe(24)
            hashed = hashlib.sha256(key.encode()).hexdigest()
            database["users"].insert_one({"_id": user, "key_hash": hashed})
            claims = {"sub": user, "exp": int(time.time()) + 86_400}
            token = jwt.encode(claims, "k" * 32, algorithm="HS256")
            found.append({"Authorization": f"Bearer {token}", "X-API-Key": key})
    return found


@contextmanager
def open_floor(servers: Servers, *, accounts: int) -> Iterator[System]:
    """Start the floor: the least durable work that answers the same requests."""
    port = servers.ports.of(f"floor-{secrets.token_hex(4)}")
    environment = {"FLOOR_MONGODB_URL": servers.mongodb_url(f"floor_{secrets.token_hex(4)}")}
    command = [sys.executable, "-m", "bench.floor", str(port)]
    with process(servers.home, "floor", command, environment, port=port) as pid:
        url = f"http://127.0.0.1:{port}"
        yield System("floor", url, "/", "/{}", {"floor": pid}, [{}] * accounts)
