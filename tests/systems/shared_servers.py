"""One MongoDB and one RabbitMQ for all processes of a run, launched by the one that distributes the tests."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

from exemplar.local.mongod import find_mongod
from exemplar.local.rabbitmq_node import RabbitNode
from tests.systems.servers import Servers

MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in it has a name of its own
ENOUGH = 8 * 2**30  # bytes; the servers of a run need about one

_SHARED = pytest.StashKey[dict[str, str]]()


def make_server_home() -> Path:
    """Make a folder for servers, in memory where there is enough: a write waits 4 ms for a disk, thousands of times."""
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    return Path(tempfile.mkdtemp(prefix="exemplar-tests-", dir=MEMORY if in_memory else None))


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
