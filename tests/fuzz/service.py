"""The running system that is fuzzed."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from actors.subscriptions import QUEUES
from domain.paths import (
    CONTROL_DEVELOPER,
    CONTROL_MAINTENANCE,
    CONTROL_PROJECT,
    CONTROL_PROVIDER,
    CONTROL_QUEUE,
    CONTROLS,
    GENERATION,
    WEBHOOK_ENDPOINT,
)
from tests.fuzz.accounts import Accounts, Api, open_accounts
from tests.fuzz.gauge import Gauge
from tests.rabbitmq.server import Server
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.waiting import until

_SUBJECTS: Final = ("provider", "developer_id", "project_id")
_PATHS: Final = {
    "maintenance": CONTROL_MAINTENANCE,
    "queue_cap": CONTROL_QUEUE,
    "provider": CONTROL_PROVIDER,
    "developer": CONTROL_DEVELOPER,
    "project": CONTROL_PROJECT,
}
# Each request has a client address of its own; webhooks are sent to a port where nobody listens.
ENVIRON: Final = {"EXEMPLAR_TRUSTED_PROXIES": "127.0.0.0/8", "EXEMPLAR_WEBHOOK_ALLOW": "127.0.0.1"}


class Service:
    """A gateway with all that stands behind it, accounts on it, and a gauge of its process."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.api = Api(system.base_url)
        self._gateway = next(name for name in ("solo", "gateway") if name in system.names)
        self.gauge = Gauge(system.pid(self._gateway), system.log_file(self._gateway))
        self.accounts = self._opened()
        # Nobody answers heartbeats while other targets are tried.
        self._broker = Server(f"{system.amqp_url}?heartbeat=0") if system.amqp_url else None

    def publish(self, queue: str, body: bytes) -> None:
        """Send a message to a queue, where RabbitMQ runs."""
        if self._broker is not None:
            self._broker.send(queue, body)

    def check(self) -> None:
        """Check after many inputs that the gateway has not grown, and that the worker has taken every message."""
        self.gauge.check_growth()
        broker = self._broker
        if broker is not None:
            asyncio.run(until(lambda: not any(map(broker.count, QUEUES)), "the worker takes every message", within=120))

    @contextmanager
    def one_input(self) -> Iterator[None]:
        """Check the process after an input."""
        self.gauge.mark()
        yield
        self.gauge.check()

    def restore(self) -> None:
        """Lift all controls, and open new accounts unless those present still have access, generation and endpoint."""
        self._lift_controls()
        own, hook = GENERATION.format(**self.accounts.ids), WEBHOOK_ENDPOINT.format(**self.accounts.ids)
        if not (self._is_found("end_user", own) and self._is_found("developer", hook)):
            self.accounts = self._opened()

    def _lift_controls(self) -> None:
        """Lift what a request has set: under it submissions are answered 503."""
        operator = self.accounts.headers["operator"]
        for control in self.api.call("GET", CONTROLS, operator, 200)["controls"]:
            path = _PATHS[control["kind"]].format(**dict.fromkeys(_SUBJECTS, control["subject"]))
            self.api.call("DELETE", path, operator, 204)

    def _opened(self) -> Accounts:
        return open_accounts(self.api, self.system.secrets.operator_key)

    def _is_found(self, role: str, path: str) -> bool:
        headers = {**self.accounts.headers[role], **self.api.address()}
        return self.api.session.get(self.api.base_url + path, headers=headers, timeout=100).status_code == 200


@contextmanager
def started_service(home: Path, databases: Databases, amqp_url: str | None = None) -> Iterator[Service]:
    """Start a system of its own and open accounts."""
    with opened_system(home, databases, amqp_url, environ=ENVIRON, forked=False) as system:
        system.start()
        yield Service(system)
