"""The processes of the product: their environment, their order of stopping, their readiness."""

import http.client
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exemplar.local.options import WEBHOOK_ALLOW, Options, webhook_allow
from exemplar.local.pids import PidFiles
from exemplar.local.processes import Child, Program
from exemplar.local.secrets_file import Secrets
from exemplar.local.sign_in_link import LINK_FILE

RANKS = {"gateway": 0, "solo": 0, "worker": 1, "scheduler": 2, "sandbox": 3}
"""The order of stopping: the gateway first, the sandbox last; the servers follow (8, 9)."""

METRICS_PORT = "EXEMPLAR_METRICS_PORT"

GRACE_S = 25.0
"""Time for a worker to finish running handlers; every process ends within 20 s."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses. No `amqp_url`: the in-process broker. No `sandbox_port`: the real provider."""

    base_url: str
    port: int
    mongodb_url: str
    amqp_url: str | None
    sandbox_port: int | None

    @property
    def sandbox_url(self) -> str | None:
        return None if self.sandbox_port is None else f"http://127.0.0.1:{self.sandbox_port}"


def environment(options: Options, secrets: Secrets, addresses: Addresses) -> dict[str, str]:
    """Return the environment of every process of the product: the inherited one, secrets and addresses."""
    env = {key: value for key, value in options.environ.items() if key not in {"EXEMPLAR_AMQP_URL", "PYTHONSAFEPATH"}}
    root = str(Path(__file__).resolve().parents[2])
    env |= {
        "PYTHONPATH": ":".join(part for part in (root, env.get("PYTHONPATH", "")) if part),
        "PYTHONUNBUFFERED": "1",
        "EXEMPLAR_MONGODB_URL": addresses.mongodb_url,
        "EXEMPLAR_HOST": options.host,
        "EXEMPLAR_PORT": str(addresses.port),
        "EXEMPLAR_JWT_SECRET": secrets.jwt_secret,
        "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": secrets.key_pepper}),
        "EXEMPLAR_ID_SECRET": secrets.id_secret,
        "EXEMPLAR_CALLBACK_SECRET": secrets.callback_secret,
        "EXEMPLAR_WEBHOOK_MASTER_KEYS": json.dumps({"1": secrets.webhook_master_key}),
        WEBHOOK_ALLOW: webhook_allow(options.environ, options.host),
        "EXEMPLAR_CHECKPOINT_KEY": secrets.checkpoint_key,
        "EXEMPLAR_OPERATOR_KEYS": json.dumps([secrets.operator_key]),
        "EXEMPLAR_SIGN_IN_LINK_FILE": str(options.home.absolute() / LINK_FILE),
    }
    if addresses.amqp_url is not None:
        env["EXEMPLAR_AMQP_URL"] = addresses.amqp_url
    if addresses.sandbox_url is not None:
        env |= _sandboxed(addresses.base_url, addresses.sandbox_url, secrets)
        env["EXEMPLAR_SANDBOX_FOLDER"] = str(options.home.absolute() / "sandbox")
    return env


def _sandboxed(base_url: str, sandbox_url: str, secrets: Secrets) -> dict[str, str]:
    # Only the sandbox can call a loopback address; for the real provider the user sets the public URL.
    return {
        "EXEMPLAR_PUBLIC_URL": base_url,
        "EXEMPLAR_SANDBOX_PORT": sandbox_url.rpartition(":")[2],
        "EXEMPLAR_SANDBOX_TOKEN": secrets.sandbox_token,
        "REPLICATE_API_TOKEN": secrets.sandbox_token,
        "REPLICATE_BASE_URL": sandbox_url,
        # The sandbox lists a prediction at once, so that a short search for it suffices.
        "EXEMPLAR_LOST_AFTER_SECONDS": "10",
    }


def service(name: str, options: Options, env: dict[str, str]) -> Child:
    """Return the child process that runs `exemplar <name>`."""
    home = options.home.absolute()
    program = Program(
        name=name,
        command=(*options.command, name),
        env=env | _metrics_port(name, env),
        log=home / "logs" / f"{name}.log",
        rank=RANKS[name],
        grace_s=GRACE_S,
    )
    return Child(program, PidFiles(home))


def _metrics_port(name: str, env: dict[str, str]) -> dict[str, str]:
    """Give each process a port of its own for its metrics: the chosen one and those that follow it."""
    chosen = env.get(METRICS_PORT, "")
    return {METRICS_PORT: str(int(chosen) + RANKS[name])} if chosen.isdecimal() else {}


def answers(port: int, path: str = "/health") -> Callable[[], bool]:
    """Return a check whether GET of this path on this machine returns 200."""

    def check() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return check
