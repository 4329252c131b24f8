"""What a row is run on: one system with its servers, and what a client needs."""

import platform
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pika
from pymongo import MongoClient

from rabbitmq.session import urls_of
from tests.chaos.rows.cluster import MEMBERS
from tests.chaos.scene import ENVIRON, Scene, open_scene
from tests.systems.cluster import Cluster
from tests.systems.network import hosts
from tests.systems.servers import Servers, database_url, started
from tests.systems.system import System

# A node that is cut off falls silent: it is left after two missed heartbeats.
CLUSTER_SETTINGS = {"EXEMPLAR_AMQP_HEARTBEAT": "5"}


class Stage:
    """A running system; each row gets an end user of its own on it."""

    def __init__(self, system: System, machines: Servers | Cluster, session: aiohttp.ClientSession) -> None:
        self._system, self._machines, self._session = system, machines, session
        self.is_damaged = False
        self.generations = 0

    def scene(self, rng: random.Random, minutes: float) -> AbstractAsyncContextManager[Scene]:
        """Open the state of a row."""
        return open_scene(self._system, self._machines, self._session, rng, minutes=minutes)

    def versions(self) -> dict[str, str]:
        """Name the versions of Python and of the servers."""
        mongodb_url, amqp_url = self._machines.urls
        with MongoClient[dict[str, object]](mongodb_url) as client:
            mongodb = client.server_info()["version"]
        with pika.BlockingConnection(pika.URLParameters(urls_of(amqp_url)[0])) as connection:
            rabbitmq = connection._impl.server_properties["version"]
        return {"Python": platform.python_version(), "MongoDB": mongodb, "RabbitMQ": rabbitmq}


@asynccontextmanager
async def opened_stage(*, cluster: bool) -> AsyncIterator[Stage]:
    """Start servers, single ones or a cluster of three each, and a whole system on them."""
    with tempfile.TemporaryDirectory(prefix="exemplar-chaos-") as folder, _machines(Path(folder), cluster) as machines:
        mongodb_url, amqp_url = machines.urls
        environ = ENVIRON | CLUSTER_SETTINGS if cluster else ENVIRON
        system = System(Path(folder) / "home", database_url(mongodb_url, "chaos"), amqp_url, environ, forked=False)
        try:
            system.start()
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
                yield Stage(system, machines, session)
        finally:
            system.close()


@contextmanager
def _machines(folder: Path, cluster: bool) -> Iterator[Servers | Cluster]:
    if not cluster:
        with started(Servers(folder)) as servers:
            yield servers
        return
    with hosts(MEMBERS) as made, started(Cluster(folder, made)) as members:
        yield members
