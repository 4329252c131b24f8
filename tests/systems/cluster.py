import os
from collections.abc import Sequence
from pathlib import Path

from exemplar.local.mongod import Mongod
from tests.systems.network import Host
from tests.systems.rabbit_cluster import RabbitCluster
from tests.systems.replica_set import ReplicaSet

MONGODB_PORT = 27017


class Cluster:
    """Three mongods as one replica set and three RabbitMQ nodes; each host runs one of both."""

    def __init__(self, home: Path, hosts: Sequence[Host]) -> None:
        self.hosts = hosts
        self.mongods = ReplicaSet(
            [
                Mongod(home / f"mongod-{n}", MONGODB_PORT, os.environ, host=host.address, within=host.within)
                for n, host in enumerate(hosts, 1)
            ]
        )
        self.rabbits = RabbitCluster(home, hosts)

    @property
    def kills(self) -> int:
        """Count how often a member was killed to start again."""
        return self.mongods.kills + self.rabbits.kills

    @property
    def urls(self) -> tuple[str, str]:
        """The addresses of MongoDB and RabbitMQ, of all members each."""
        return self.mongods.url, self.rabbits.url

    def start(self) -> None:
        self.mongods.launch()
        self.rabbits.launch()
        self.mongods.wait_ready()
        self.rabbits.wait_ready()

    def stop(self) -> None:
        for host in self.hosts:
            host.plug_in()
        self.rabbits.stop()
        self.mongods.stop()

    async def whole(self) -> None:
        """Wait until every server is up and in its place."""
        await self.mongods.whole()
        await self.rabbits.whole()

    def host_of(self, server: Mongod | object) -> Host:
        """Return the host that runs a server."""
        return next(host for host in self.hosts if host.address == getattr(server, "host", None))
