"""One deployment of compose.yaml with secrets of its own; the accounts are made by the documented commands."""

import json
import os
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
from tests.deploy.manifests import write_secrets

SCRAPED = ("gateway", "worker", "scheduler")
SERVICES = (*SCRAPED, "sandbox", "rabbitmq", "mongodb", "prometheus")
HEALTHY_WITHIN_S = 180.0
SCRAPED_WITHIN_S = 90.0
UNAUTHORIZED = "13"
IMAGE_USER = 10001
EMAIL = "ada@example.com"
USER = "bob@example.com"
PICTURES = [ROOT / "exemplar" / "demo" / "samples" / name for name in ("chelsea.png", "coffee.png")]


class Deployment:
    """The containers; leaving the context removes them and their volumes."""

    def __init__(self, podman: Podman, folder: Path) -> None:
        self._podman = podman
        self._name = f"exemplar-{secrets.token_hex(3)}"
        self._port, self._prometheus_port = _free_port(), _free_port()
        self._folder = folder / "deployment"
        ports = {"GATEWAY_PORT": self._port, "PROMETHEUS_PORT": self._prometheus_port}
        _lay_out(self._folder, "".join(f"{name}={port}\n" for name, port in ports.items()))

    def __enter__(self) -> Self:
        self._compose("up", "-d", "--no-build", *SERVICES)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._print_logs()
        self._compose("down", "--volumes", "--timeout", "1")

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def wait_until_healthy(self, *names: str) -> None:
        """Run the health checks of these containers, or of all, until they succeed; SystemExit after three minutes."""
        deadline, waiting = time.monotonic() + HEALTHY_WITHIN_S, list(names or SERVICES)
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

    def back_up(self) -> int:
        """Back up as docs/deployment.md tells, into a folder of the image's user; return the number of documents."""
        folder = self._folder / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, IMAGE_USER, IMAGE_USER)
        options = ["--rm", "--no-deps", "-T", "-v", f"{folder}:/backups"]
        said = self._compose("run", *options, "gateway", "backup", "create", "/backups/monday", "--json")
        return int(json.loads(said[said.index("{") :])["documents"])

    def users_of_rabbitmq(self) -> dict[str, list[str]]:
        """Return the tags of each user of RabbitMQ: one with the tag `administrator` could change other systems."""
        command = ["rabbitmqctl", "-q", "list_users", "--formatter", "json"]
        listed = json.loads(self._podman.run("exec", self._container("rabbitmq"), *command))
        return {one["user"]: one["tags"] for one in listed}

    def mongodb_answers_strangers(self) -> bool:
        """Tell whether MongoDB lets somebody without a password read."""
        script = (
            "import pymongo\n"
            "try:\n"
            "    pymongo.MongoClient('mongodb://mongodb/?directConnection=true').exemplar.log.find_one()\n"
            "except pymongo.errors.OperationFailure as error:\n"
            "    print(error.code)\n"
        )
        return self._podman.run("exec", self._container("gateway"), "python", "-c", script).strip() != UNAUTHORIZED

    def wait_until_scraped(self) -> int:
        """Wait until Prometheus has the metrics of every process; return the number of its alert rules."""
        deadline = time.monotonic() + SCRAPED_WITHIN_S
        while time.monotonic() < deadline:
            found = self._ask_prometheus("query", query="exemplar_process == 1 and on (instance) up == 1")["result"]
            if {one["metric"]["process"] for one in found} == set(SCRAPED):
                groups = self._ask_prometheus("rules")["groups"]
                return sum(len(group["rules"]) for group in groups)
            time.sleep(1)
        raise SystemExit(f"not scraped after {SCRAPED_WITHIN_S:.0f} s: {self._ask_prometheus('targets')}")

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
        command = ["exemplar", "accounts", *arguments, "--json"]
        return json.loads(self._podman.run("exec", self._container("gateway"), *command))

    def _is_healthy(self, name: str) -> bool:
        try:
            self._podman.run("healthcheck", "run", self._container(name))
        except ContainerError:
            return False
        return True

    def _ask_prometheus(self, what: str, **parameters: str) -> Any:
        url = f"http://127.0.0.1:{self._prometheus_port}/api/v1/{what}"
        return httpx.get(url, params=parameters, timeout=5).raise_for_status().json()["data"]

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

    def _compose(self, *arguments: str) -> str:
        profiles = ["--profile", "sandbox", "--profile", "observability"]
        command = [sys.executable, "-m", "podman_compose", "-p", self._name, *profiles, *arguments]
        return self._podman.call(command, folder=self._folder)


def _lay_out(folder: Path, ports: str) -> None:
    """Copy what compose.yaml needs, so that the .env of the checkout is neither used nor changed."""
    folder.mkdir()
    shutil.copy(ROOT / "compose.yaml", folder)
    shutil.copytree(ROOT / "rabbitmq", folder / "rabbitmq", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    shutil.copytree(ROOT / "deploy", folder / "deploy")
    written = write_secrets(folder / ".env")
    if written.returncode != 0:
        raise SystemExit(written.stderr)
    with (folder / ".env").open("a") as file:
        file.write(ports)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
