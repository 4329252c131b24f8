"""One running system that a real Prometheus scrapes, and what breaks it."""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from exemplar.local.ports import Ports
from tests.alerts.short_rules import write_short_rules
from tests.systems.prometheus import Prometheus, opened_prometheus
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import Servers, database_url, started
from tests.systems.shared_servers import make_server_home
from tests.systems.system import System
from tests.systems.tenants import Tenant, make_tenant

OURS = ("gateway", "worker", "scheduler")
USUAL = {"EXEMPLAR_CIRCUIT_SECONDS": "30"}
"""As long as the scheduler may need to notice it: it measures every 15 seconds."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A system, its servers, and an end user of it."""

    system: System
    servers: Servers
    prometheus: Prometheus
    session: aiohttp.ClientSession
    sandbox: SandboxClient
    tenant: Tenant
    ports: dict[str, int]

    async def restart(self, *names: str, **environ: str) -> None:
        """Start processes again, with more in their environment than the others have."""
        self.system.kill(*names)
        for name in names:
            port = {"EXEMPLAR_METRICS_PORT": str(self.ports[name])} if name in self.ports else {}
            self.system.program(name, name, **{**USUAL, **port, **environ})
        await self.system.restart(*names)

    async def submit(self, count: int, **more: Any) -> list[str]:
        """Submit generations, at once; return their ids."""
        return list(await asyncio.gather(*(self.tenant.accepted(**more) for _ in range(count))))

    @asynccontextmanager
    async def again_and_again(
        self, work: Callable[[], Awaitable[object]], *, every: float = 0.5
    ) -> AsyncIterator[None]:
        """Repeat some work during the block, whatever becomes of it."""

        async def repeat() -> None:
            while True:
                with suppress(Exception):
                    await work()
                await asyncio.sleep(every)

        task = asyncio.create_task(repeat())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    @asynccontextmanager
    async def stopped(self, pid: int, *, seconds: float | None = None, running: float = 0.2) -> AsyncIterator[None]:
        """Stop a process by SIGSTOP during the block; with `seconds` for so long again and again."""

        async def stop() -> None:
            os.kill(pid, signal.SIGSTOP)
            if seconds is not None:
                await asyncio.sleep(seconds)
                os.kill(pid, signal.SIGCONT)

        try:
            if seconds is None:
                await stop()
                yield
            else:
                async with self.again_and_again(stop, every=running):
                    yield
        finally:
            os.kill(pid, signal.SIGCONT)


@asynccontextmanager
async def opened_stage() -> AsyncIterator[Stage]:
    """Start servers, a system on them and Prometheus with short rules."""
    home = make_server_home()
    with tempfile.TemporaryDirectory(prefix="exemplar-alerts-") as folder, started(Servers(home)) as servers:
        system = System(
            Path(folder, "home"), database_url(servers.mongod.url, "alerts"), servers.rabbit.url, forked=False
        )
        ports = Ports(Path(folder, "ports.json"))
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
                own = {name: ports.of(name) for name in OURS}
                async with _scraped(Path(folder), system, servers, session, own) as stage:
                    yield stage
        finally:
            system.close()


@asynccontextmanager
async def _scraped(
    folder: Path, system: System, servers: Servers, session: aiohttp.ClientSession, ports: dict[str, int]
) -> AsyncIterator[Stage]:
    for name in OURS:
        system.program(name, name, **USUAL, EXEMPLAR_METRICS_PORT=str(ports[name]))
    await asyncio.to_thread(system.start)
    rules = folder / "rules.json"
    write_short_rules(rules)
    (folder / "prometheus").mkdir()
    targets = [f"127.0.0.1:{port}" for port in ports.values()]
    async with opened_prometheus(folder / "prometheus", rules, targets, interval="1s") as prometheus:
        yield Stage(
            system=system,
            servers=servers,
            prometheus=prometheus,
            session=session,
            sandbox=SandboxClient(system.sandbox_url, session),
            tenant=await make_tenant(system, session, "internal"),
            ports=ports,
        )
