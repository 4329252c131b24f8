"""Proxies between processes and the servers that they use."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import ExitStack, asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from tests.chaos.scene import Scene
from tests.systems.tcp_proxy import TcpProxy, proxied
from tests.systems.waiting import until

RABBITMQ, MONGODB, PROVIDER = "EXEMPLAR_AMQP_URL", "EXEMPLAR_MONGODB_URL", "REPLICATE_BASE_URL"


@asynccontextmanager
async def through_proxies(
    scene: Scene, names: Iterable[str], variable: str, **environ: str
) -> AsyncIterator[dict[str, TcpProxy]]:
    """Restart processes, each with a proxy of its own before the server that a variable names.

    At the end wait until every generation is final, then restart them without.
    """
    system, proxies = scene.system, dict[str, TcpProxy]()
    with ExitStack() as stack:
        system.kill(*names)
        for name in names:
            proxies[name], url = stack.enter_context(proxied(_direct(system.env[variable])))
            system.program(name, name, **{variable: url}, **environ)
        try:
            await system.restart(*names)
            yield proxies
            await scene.rest()
        finally:
            system.kill(*names)
            await system.run_again(*names)


async def reconnects(name: str, proxy: TcpProxy, *, within: float) -> float:
    """Wait until a process opens as many connections as are open now; return the seconds."""
    began, wanted = time.monotonic(), proxy.accepted + proxy.silence()
    assert wanted > proxy.accepted, f"{name} has no connection that could fall silent"
    await until(lambda: proxy.accepted >= wanted, f"{name} replaces its silent connections", within=within)
    return time.monotonic() - began


def _direct(url: str) -> str:
    """Return a URL whose server is not asked for the addresses of others, which lead past the proxy."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="directConnection=true")) if "replicaSet" in parts.query else url
