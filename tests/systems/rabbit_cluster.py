import asyncio
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from exemplar.local.rabbitmq_node import RabbitNode, RabbitPorts
from tests.systems.network import Host
from tests.systems.servers import PASSWORD, call_management
from tests.systems.waiting import until

PORTS = RabbitPorts(amqp=5672, distribution=25672, epmd=4369, management=15672)
TICK_S = 10
"""A silent node counts as gone after 7.5 to 12.5 s; RabbitMQ's own default is 60."""


class ClusterNode(RabbitNode):
    """One node of a cluster: it joins the others when it starts for the first time."""

    def __init__(self, home: Path, host: Host, hosts: Sequence[Host], cookie: str) -> None:
        self._address, self._cookie = host.address, cookie
        self._all = [f"exemplar@{host.address}" for host in hosts]
        super().__init__(
            home, PORTS, os.environ, password=PASSWORD, definitions=None, host=host.address, within=host.within
        )

    @property
    def name(self) -> str:
        return f"exemplar@{self._address}"

    def _environment(self) -> dict[str, str]:
        usual = super()._environment()
        arguments = usual["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
        return {
            **usual,
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_USE_LONGNAME": "true",
            # Three nodes on two cores: a scheduler without work must not spin.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{arguments} -kernel net_ticktime {TICK_S} +sbwt none",
        }

    def _write_configuration(self) -> None:
        super()._write_configuration()
        cookie = self._home / ".erlang.cookie"
        cookie.unlink(missing_ok=True)
        cookie.write_text(self._cookie)
        cookie.chmod(0o400)
        others = "".join(
            f"cluster_formation.classic_config.nodes.{number} = {name}\n" for number, name in enumerate(self._all, 1)
        )
        with (self._home / "rabbitmq.conf").open("a") as file:
            file.write(
                f"cluster_formation.peer_discovery_backend = classic_config\n{others}"
                "cluster_partition_handling = pause_minority\nqueue_leader_locator = balanced\n"
            )


class RabbitCluster:
    """Several RabbitMQ nodes as one cluster; `url` names all of them."""

    def __init__(self, home: Path, hosts: Sequence[Host]) -> None:
        self.kills = 0
        cookie = secrets.token_hex(16)
        self.nodes = [ClusterNode(home / f"rabbitmq-{n}", host, hosts, cookie) for n, host in enumerate(hosts, 1)]
        self.url = ",".join(node.url for node in self.nodes)

    def launch(self) -> None:
        """Start the first node; the others need one to join."""
        self.nodes[0].launch()

    def wait_ready(self) -> None:
        self.nodes[0].wait_ready(120)
        for node in self.nodes[1:]:
            node.launch()
        for node in self.nodes[1:]:
            node.wait_ready(120)

    def stop(self) -> None:
        for node in self.nodes:
            node.node.kill()
            node.stop()

    def kill(self, node: ClusterNode) -> None:
        """Kill a node; `launch` of the node starts it again. Its name server stays."""
        self.kills += 1
        node.node.kill()
        node.node.stop()

    def queues(self) -> list[dict[str, Any]]:
        """Return the state of every queue, among it its leader and its members."""
        answer: list[dict[str, Any]] = self._ask("/api/queues/%2F")
        return answer

    def leader(self, queue: str) -> ClusterNode:
        """Return the node that leads a queue."""
        name = self._ask(f"/api/queues/%2F/{quote(queue, safe='')}")["leader"]
        return next(node for node in self.nodes if node.name == name)

    def is_whole(self) -> bool:
        """Tell whether every node runs and sees all others."""
        try:
            nodes = self._ask("/api/nodes")
        except (OSError, AssertionError):
            return False
        running = [node for node in nodes if node["running"] and not node.get("partitions")]
        return len(running) == len(self.nodes)

    async def whole(self) -> None:
        """Wait until every node is up and in its place."""
        await until(lambda: asyncio.to_thread(self.is_whole), "the RabbitMQ cluster is whole", within=120, every=0.5)

    def _ask(self, path: str) -> Any:
        """Ask the first node that answers."""
        for node in self.nodes:
            try:
                return json.loads(call_management(node.host, PORTS.management or 0, "GET", path))
            except OSError:
                continue
        raise ConnectionError("no node of RabbitMQ answers")
