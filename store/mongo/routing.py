"""Tell what kind of server answers."""

from typing import Any, Final

_ROUTED: Final = {"Sharded", "LoadBalanced"}
_ROUTERS: Final = {"Mongos", "LoadBalancer"}


def is_routed(client: Any) -> bool:
    """Tell whether a router of shards answers; the driver knows it since the first answer."""
    found = client.topology_description
    servers = found.server_descriptions().values()  # with `directConnection` the topology is `Single`
    return found.topology_type_name in _ROUTED or any(one.server_type_name in _ROUTERS for one in servers)
