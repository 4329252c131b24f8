"""Podman, set up so that it runs as root inside a container or a small virtual machine."""

import os
import shutil
import subprocess
from pathlib import Path

PROGRAMS = ("podman", "buildah", "runc", "debootstrap")

# Limits cannot be raised there, crun refuses hybrid cgroups, and netavark gives the services their names.
_SETTINGS = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
[network]
network_backend = "netavark"
"""


class Podman:
    """Run podman's commands; a command that fails raises CalledProcessError with its output."""

    def __init__(self, folder: Path) -> None:
        settings = folder / "containers.conf"
        settings.write_text(_SETTINGS)
        self._environ = {**os.environ, "CONTAINERS_CONF": str(settings), "PODMAN_IGNORE_CGROUPSV1_WARNING": "1"}

    def missing(self) -> str | None:
        """Say why no container can run here; None when one can."""
        absent = [name for name in PROGRAMS if shutil.which(name) is None]
        if absent:
            return f"not installed: {', '.join(absent)}"
        if os.geteuid() != 0:
            return "not root"
        asked = subprocess.run(["podman", "info"], env=self._environ, capture_output=True, text=True, check=False)
        return None if asked.returncode == 0 else (asked.stderr.strip().splitlines() or ["podman info failed"])[-1]

    def run(self, *arguments: str | Path, timeout: float = 600, folder: Path | None = None) -> str:
        """Run `podman ARGUMENTS` and return what it printed."""
        return self.call(["podman", *map(str, arguments)], timeout=timeout, folder=folder)

    def call(self, command: list[str], *, timeout: float = 600, folder: Path | None = None) -> str:
        """Run a command with podman's environment and return what it printed."""
        done = subprocess.run(
            command, env=self._environ, capture_output=True, text=True, timeout=timeout, cwd=folder, check=False
        )
        if done.returncode != 0:
            said = done.stdout[-2000:] + done.stderr[-4000:]
            raise ContainerError(f"{' '.join(command)}: exit {done.returncode}\n{said}")
        return done.stdout

    def logs(self, container: str) -> str:
        """Return the last lines that a container printed, on either stream."""
        command = ["podman", "logs", "--tail", "20", container]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def has_image(self, name: str) -> bool:
        asked = ["podman", "image", "exists", name]
        return subprocess.run(asked, env=self._environ, check=False, capture_output=True).returncode == 0

    def is_stand_in(self, name: str) -> bool:
        """Tell whether an image is one that these checks made: it is made anew, as far as its cache allows."""
        return "stand-in" in self.run("image", "inspect", "--format", "{{.Labels}}", name)


class ContainerError(Exception):
    """A command of the container engine failed; the message holds its output."""
