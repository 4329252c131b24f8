"""Checks of this machine: versions, programs, ports, disk."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final

from exemplar.diagnosis.deployment import Deployment
from exemplar.diagnosis.finding import Finding, fault, ok, warning
from exemplar.environment import read
from exemplar.local.home import LEAST_FREE
from exemplar.local.mongod import NO_MONGOD, elsewhere, find_mongod
from exemplar.local.options import HomeSettings
from exemplar.local.ports import is_free
from exemplar.local.rabbitmq_node import RabbitNode

_OLDEST, _BEFORE = (3, 11), (3, 14)
_GIBIBYTE: Final = 1024**3
_ENOUGH_FREE: Final = 2 * _GIBIBYTE
_MOST_USED: Final = 0.85
"""As the alert ExemplarDiskFilling."""
_PIN: Final = re.compile(r"([A-Za-z0-9._-]+)==([^\s;]+)")


def machine_findings(deployment: Deployment) -> Iterator[Finding]:
    """Check what needs no server."""
    yield judge_python(sys.version_info[:2])
    yield judge_packages(wrong_packages(requires("exemplar") or ()))
    usage = shutil.disk_usage(_existing(deployment.home))
    yield judge_disk(deployment.home, usage.free, usage.total)
    if deployment.kind in ("stopped", "none"):
        yield from _start_findings()


def judge_python(running: tuple[int, ...]) -> Finding:
    """Judge the version of Python."""
    told = f"Python {platform.python_version()}, exemplar {version('exemplar')}"
    if _OLDEST <= running < _BEFORE:
        return ok("versions", told)
    return fault("versions", told, "install Python 3.11, 3.12 or 3.13, then rm -rf .venv and make run")


def wrong_packages(pins: Iterable[str], installed: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Name the packages that are installed in another version than pinned, or not, with what is wrong.

    installed: versions by name, instead of those of this environment.
    """
    found = {}
    for pin in pins:
        match = _PIN.match(pin)
        if match is None or "extra ==" in pin:
            continue
        name, wanted = match.groups()
        has = _installed(name) if installed is None else installed.get(name)
        if has != wanted:
            found[name] = f"{name} {has or 'missing'}, not {wanted}"
    return found


def judge_packages(wrong: Mapping[str, str]) -> Finding:
    """Judge the installed packages."""
    if not wrong:
        return ok("packages", "all packages have their pinned versions")
    return warning("packages", "; ".join(wrong.values()), "touch pyproject.toml, then make run: it installs the pins")


def judge_disk(folder: Path, free: int, total: int) -> Finding:
    """Judge the free bytes of the disk with the data, of so many in total."""
    used = 1 - free / total
    told = f"{free / _GIBIBYTE:.1f} GiB free for {folder}, {used:.0%} used"
    if free < LEAST_FREE:
        return fault("disk", told, "free space: MongoDB ends on a full disk, and everything with it")
    if free < _ENOUGH_FREE or used > _MOST_USED:
        return warning("disk", told, f"free space soon: du -xah {_disk_of(folder)} | sort -h | tail")
    return ok("disk", told)


def _start_findings() -> Iterator[Finding]:
    """Check whether `exemplar up` can start."""
    settings = read(HomeSettings)
    told = f"port {settings.port} of {settings.host}"
    if settings.port == 0:
        yield ok("ports", "the gateway takes a free port")
    elif is_free(settings.port, settings.host):
        yield ok("ports", f"{told} is free")
    else:
        yield fault("ports", f"{told} is taken", f"EXEMPLAR_PORT={settings.port + 1} make run, or stop what uses it")
    if elsewhere(os.environ):
        yield ok("programs", f"the MongoDB of EXEMPLAR_MONGODB_URL is used; RabbitMQ {_rabbitmq()}")
    elif find_mongod() is None:
        yield fault("programs", "there is no mongod", NO_MONGOD.partition(": ")[2])
    else:
        yield ok("programs", f"mongod is there; RabbitMQ {_rabbitmq()}")


def _rabbitmq() -> str:
    if RabbitNode.available():
        return "too"
    return "is not installed: messages stay in one process (apt install rabbitmq-server for a broker)"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _disk_of(folder: Path) -> Path:
    """Return where the disk of a folder is mounted."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_mount())


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
