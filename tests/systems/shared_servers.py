"""One MongoDB and one RabbitMQ for all processes of a run, launched by the one that distributes the tests."""

import os
import shutil
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from exemplar.local.mongod import find_mongod
from exemplar.local.rabbitmq_node import RabbitNode
from tests.systems.servers import Servers

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it has a name of its own
ENOUGH = 8 * 2**30  # bytes; the servers of a run need about one

_PREFIX = "exemplar-tests-"
_OWNER = "owner"
_NAMELESS_S = 24 * 3600.0  # longer than any run of the versions that wrote no name

_SHARED = pytest.StashKey[dict[str, str]]()


def make_server_home() -> Path:
    """Make a folder for servers, in memory where there is enough: a write waits 4 ms for a disk, thousands of times.

    What killed runs have left there is deleted before.
    """
    if not MEMORY.is_dir():
        return make_home_in(None)
    delete_abandoned(MEMORY)
    return make_home_in(MEMORY if shutil.disk_usage(MEMORY).free > ENOUGH else None)


def make_home_in(folder: Path | None) -> Path:
    """Make a folder that names its owner, and when that was started: its number may be another one's later."""
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
    (home / _OWNER).write_text(f"{_namespace()} {os.getpid()} {_started(os.getpid())}", encoding="utf-8")
    return home


def delete_abandoned(folder: Path) -> None:
    """Delete the folders of runs that are over: the servers in them end with the process that launched them."""
    for home in folder.glob(f"{_PREFIX}*"):
        if _is_abandoned(home):
            shutil.rmtree(home, ignore_errors=True)


def _is_abandoned(home: Path) -> bool:
    """Tell whether the owner of a folder is dead; one without a name is left alone while it is young."""
    try:
        namespace, owner, started = (home / _OWNER).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        with suppress(FileNotFoundError):
            return home.stat().st_uid == os.getuid() and time.time() - home.stat().st_mtime > _NAMELESS_S
        return False
    except (OSError, ValueError):
        return False  # of another user, or just being written
    return namespace == _namespace() and _started(int(owner)) != started


def _namespace() -> str:
    """Name what numbers of processes belong to: a container may share the folder, and has others."""
    return str(Path("/proc/self/ns/pid").readlink())


def _started(pid: int) -> str | None:
    """Return when a process was started, in ticks since the boot; None for one that is dead."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else fields[18]


def shared_servers(config: pytest.Config) -> dict[str, str]:
    """Launch the servers once; return what worker processes need to know, nothing where one is not installed."""
    if _SHARED not in config.stash:
        config.stash[_SHARED] = {}
        if find_mongod() is not None and RabbitNode.available():
            home = make_server_home()
            servers = Servers(home)
            config.add_cleanup(partial(shutil.rmtree, home))
            config.add_cleanup(servers.stop)  # cleanups run last first
            servers.rabbit.launch()
            servers.mongod.launch()
            servers.mongod.wait_ready()
            config.stash[_SHARED] = {"server_home": str(home), "mongod_url": servers.mongod.url}
    return config.stash[_SHARED]


def given(config: pytest.Config, name: str) -> str | None:
    """Return what a worker process was told; None in a run of one process."""
    found: str | None = getattr(config, "workerinput", {}).get(name)
    return found
