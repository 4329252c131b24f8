"""One deployment of compose.yaml with secrets of its own; the accounts are made by the documented commands."""

import json
import secrets
import shutil
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import httpx

from exemplar_client import Client, Keys
from tests.containers.images import ROOT
from tests.containers.podman import ContainerError, Podman

SERVICES = ("sandbox", "rabbitmq", "mongodb", "gateway", "worker", "scheduler")
CHECKED = ("sandbox", "rabbitmq", "mongodb", "gateway")
HEALTHY_WITHIN_S = 180.0
EMAIL = "ada@example.com"
USER = "bob@example.com"
PICTURES = [ROOT / "exemplar" / "demo" / "samples" / name for name in ("chelsea.png", "coffee.png")]


class Deployment:
    """The containers; leaving the context removes them and their volumes."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self._podman = podman
        self._name = f"exemplar-{secrets.token_hex(3)}"
        self._port = _free_port()
        self._folder = folder / "deployment"
        _lay_out(self._folder, _environment(self._port))

    def __enter__(self) -> Self:
        self._compose("up", "-d", "--no-build")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._print_logs()
        self._compose("down", "--volumes", "--timeout", "5")

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def wait_until_healthy(self) -> None:
        """Run the containers' health checks until all succeed; SystemExit after three minutes."""
        deadline, waiting = time.monotonic() + HEALTHY_WITHIN_S, list(CHECKED)
        while time.monotonic() < deadline:
            waiting = [name for name in waiting if not self._is_healthy(name)]
            if not waiting and self._broker_is_reachable():
                return
            time.sleep(1)
        self._print_logs()
        raise SystemExit(f"not healthy after {HEALTHY_WITHIN_S:.0f} s: {', '.join(waiting) or 'the broker'}")

    def create_account(self) -> Client:
        """Create a developer, a project, two keys and an end user inside the gateway's container."""
        self._accounts("create-developer", EMAIL, "--tier", "cloud_starter")
        project = self._accounts("create-project", EMAIL, "garden")
        developer_key = self._accounts("create-key", EMAIL)["key"]
        api_key = self._accounts("create-key", EMAIL, "--project", "garden")["key"]
        user = self._accounts("create-user", EMAIL, "garden", USER)
        keys = Keys(project["id"], developer_key, api_key)
        return Client(self.base_url, keys, email=USER, password=user["password"])

    def picture(self, client: Client) -> int:
        """Make one picture; return the number of its bytes."""
        accepted = client.submit(PICTURES, {"prompt": "A harbour at sunset"})
        generation = client.wait(accepted.id, timeout=120)
        if generation["status"] != "completed":
            raise SystemExit(f"the generation ended as {generation['status']}: {generation['error']}")
        return len(client.picture(accepted.id).content)

    def kill(self, name: str) -> None:
        """Kill a container with SIGKILL and start it again, unless its restart policy was faster."""
        self._podman.run("kill", "--signal", "KILL", self._container(name))
        with suppress(ContainerError):
            self._podman.run("start", self._container(name))

    def stop(self, name: str) -> tuple[int, float]:
        """Stop a container as compose does; return its exit code and the seconds that it took."""
        began = time.monotonic()
        self._podman.run("stop", "--time", "30", self._container(name))
        took = time.monotonic() - began
        code = self._podman.run("inspect", "--format", "{{.State.ExitCode}}", self._container(name))
        return int(code), took

    def _accounts(self, *arguments: str) -> Any:
        command = ["python", "-P", "-m", "exemplar", "accounts", *arguments, "--json"]
        return json.loads(self._podman.run("exec", self._container("gateway"), *command))

    def _is_healthy(self, name: str) -> bool:
        try:
            self._podman.run("healthcheck", "run", self._container(name))
        except ContainerError:
            return False
        return True

    def _broker_is_reachable(self) -> bool:
        try:
            answer = httpx.get(f"{self.base_url}/health", timeout=5)
        except httpx.TransportError:
            return False
        return bool(answer.json()["broker"]["status"] == "healthy")

    def _print_logs(self) -> None:
        for name in SERVICES:
            sys.stderr.write(f"--- {name}\n{self._podman.logs(self._container(name))}\n")

    def _container(self, name: str) -> str:
        return f"{self._name}_{name}_1"

    def _compose(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "podman_compose", "-p", self._name, "--profile", "sandbox", *arguments]
        self._podman.call(command, folder=self._folder)


def _lay_out(folder: Path, environment: str) -> None:
    """Copy what compose.yaml needs, so that the .env of the checkout is neither used nor changed."""
    folder.mkdir()
    shutil.copy(ROOT / "compose.yaml", folder)
    shutil.copytree(ROOT / "rabbitmq", folder / "rabbitmq", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (folder / ".env").write_text(environment)
    (folder / ".env").chmod(0o600)


def _environment(port: int) -> str:
    """Fill in the values that .env.example leaves open."""
    token = secrets.token_hex(24)
    values = {
        "RABBITMQ_PASSWORD": secrets.token_hex(24),
        "MONGODB_PASSWORD": secrets.token_hex(24),
        "MONGODB_ROOT_PASSWORD": secrets.token_hex(24),
        "EXEMPLAR_JWT_SECRET": secrets.token_hex(24),
        "EXEMPLAR_ID_SECRET": secrets.token_hex(24),
        "EXEMPLAR_CALLBACK_SECRET": secrets.token_hex(24),
        "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": secrets.token_hex(24)}),
        "EXEMPLAR_WEBHOOK_MASTER_KEYS": json.dumps({"1": secrets.token_hex(24)}),
        "REPLICATE_BASE_URL": "http://sandbox:8091",
        "REPLICATE_API_TOKEN": token,
        "EXEMPLAR_SANDBOX_TOKEN": token,
        "GATEWAY_PORT": str(port),
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
