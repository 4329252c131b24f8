"""The images: the product's own, and stand-ins for the public ones where no registry is reachable.

The stand-ins are made of Debian 13, which python:3.13-slim is made of, too: its Python 3.13, its RabbitMQ 4.0 and its
Prometheus 2.53, and the mongod of the tests. They prove image, compose.yaml, secrets, health checks and scraping; they
do not prove MongoDB 8 and Prometheus 3. Nothing stands in for Grafana.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from exemplar.local.mongod import find_mongod
from tests.containers.podman import Podman

ROOT = Path(__file__).parents[2]
STAND_INS = Path(__file__).parent / "stand_ins"
DEBIAN = "localhost/exemplar-debian:trixie"
PUBLIC = {
    "docker.io/library/python:3.13-slim": "python.Containerfile",
    "docker.io/library/rabbitmq:4-management": "rabbitmq.Containerfile",
    "docker.io/library/mongo:8.0": "mongo.Containerfile",
    "docker.io/prom/prometheus:v3.5.0": "prometheus.Containerfile",
}


def prepare(podman: Podman, folder: Path) -> list[str]:
    """Make the public images that are absent; return the names of those made."""
    made = [name for name in PUBLIC if not podman.has_image(name) or podman.is_stand_in(name)]
    if made and not podman.has_image(DEBIAN):
        _debian(podman, folder)
    context = folder / "stand-ins"
    context.mkdir()
    mongod = find_mongod()
    assert mongod is not None, "no mongod: install the extra `local`"
    shutil.copy(mongod, context / "mongod")
    shutil.copy(STAND_INS / "mongosh", context)
    for name in made:
        podman.run("build", *_HOST, *_mounts(), "-q", "-f", STAND_INS / PUBLIC[name], "-t", name, context)
    return made


def build(podman: Podman) -> None:
    """Build the product's image as the Dockerfile says."""
    podman.run("build", *_HOST, *_mounts(), "--format", "docker", "-q", "-t", "exemplar", ROOT)


_HOST = ("--network", "host")


def _debian(podman: Podman, folder: Path) -> None:
    root = folder / "debian"
    packages = "python3,python3-venv,python3-pip,ca-certificates"
    podman.call(["debootstrap", "--variant=minbase", f"--include={packages}", "trixie", str(root)], timeout=900)
    archive = folder / "debian.tar"
    podman.call(["tar", "-C", str(root), "-cf", str(archive), "."])
    podman.run("import", archive, DEBIAN)
    archive.unlink()


def _mounts() -> list[str]:
    """Mount what this machine's pip is configured with, and its certificates: a build finds the same packages."""
    paths = {*_pip_files(), *_pip_folders(), Path("/etc/ssl/certs")}
    return [word for path in sorted(paths) if path.exists() for word in ("-v", f"{path}:{path}:ro")]


def _pip_files() -> Iterator[Path]:
    for line in _pip("debug").splitlines():
        path, _, exists = line.strip().partition(", exists: ")
        if exists == "True":
            yield Path(path).resolve()


def _pip_folders() -> Iterator[Path]:
    """List the local folders and files that the configuration names."""
    for value in re.findall(r"='(.*)'", _pip("list")):
        for word in value.split():
            if word.startswith("file://"):
                yield Path(word.removeprefix("file://")).parent
            elif word.startswith("/"):
                yield Path(word)


def _pip(command: str) -> str:
    asked = [sys.executable, "-m", "pip", "config", command]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout
