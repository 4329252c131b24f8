"""One system under load, and the invariants that its clients can check."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from events.catalogue import CATALOGUE
from tests.chaos.event_client import Event, EventClient
from tests.chaos.orphans import orphans_left
from tests.chaos.webhook_log import WebhookLog
from tests.journeys.invariants import INVARIANTS, history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import Servers
from tests.systems.system import System
from tests.systems.tenants import Answer, Tenant, make_tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import open_receiver

OURS = ("gateway", "worker", "scheduler")
LOAD = 6
# Beside what the system shortens: the attempt of a killed sender is repeated within this time.
ENVIRON = {"EXEMPLAR_WEBHOOK_TIMEOUT_SECONDS": "5", "EXEMPLAR_WEBHOOK_LEASE_SECONDS": "6"}
HEALED_WITHIN_S = 60.0


@dataclass
class Scene:
    """The state of a row; `ids` maps each Idempotency-Key to the generation accepted under it.

    An event stream of every generation stays open, and the project has a webhook endpoint.
    """

    system: System
    servers: Servers
    sandbox: SandboxClient
    tenant: Tenant
    webhooks: WebhookLog
    rng: random.Random
    seed: int
    ids: dict[str, str] = field(default_factory=dict)
    other_ids: list[str] = field(default_factory=list)
    streams: dict[str, EventClient] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def load(self, count: int, **faults: object) -> AsyncIterator[None]:
        """Submit `count` generations during the block, then repeat each under its key."""
        keys = [f"{self.seed}-{len(self.ids) + n}" for n in range(count)]
        await self.sandbox.arm(**faults, **({"times": count} if faults else {}))
        sending = [asyncio.create_task(self._submit(key)) for key in keys]
        await asyncio.sleep(self.rng.uniform(0, 0.6))
        try:
            yield
        finally:
            await asyncio.gather(*sending)
            await self.sandbox.taken()
        for key in keys:
            again = await self._accepted(key)
            if again != self.ids[key]:
                self.other_ids.append(f"{key}: {self.ids[key]} and then {again}")

    async def under_load(self, faults: Coroutine[Any, Any, None], *, count: int = 4) -> None:
        """Submit `count` generations again and again until the faults are over."""
        injecting = asyncio.create_task(faults)
        try:
            while not injecting.done():
                async with self.load(count):
                    await asyncio.wait({injecting}, timeout=1)
        finally:
            injecting.cancel()
            await asyncio.wait({injecting})
        injecting.result()

    async def rest(self) -> None:
        """Wait until every accepted generation is final."""
        await asyncio.gather(*(self.tenant.finished(generation) for generation in self.ids.values()))

    async def verdicts(self) -> Mapping[str, str]:
        """Check every invariant; map the name of each that failed to its message."""
        said = {"L": "; ".join(self.other_ids)} if self.other_ids else {}
        async with self.system.open_store() as store:
            for name, check in INVARIANTS.items():
                try:
                    await check(self.system, store)
                except Exception as fault:  # noqa: BLE001 - every failure is listed in the table
                    said[name] = repr(fault)[:300]
            try:
                await self._events_complete()
            except (AssertionError, aiohttp.ClientError) as fault:
                said["W"] = repr(fault)[:300]
            if orphans := await orphans_left(store):
                said["B"] = f"data without a stream: {orphans}"[:300]
        return said

    async def _events_complete(self) -> None:
        """W: pages, open streams and webhooks tell every event that they may, each stream once and in order."""
        shown = {generation: await self._shown(generation) for generation in self.ids.values()}
        for generation, events in shown.items():
            await self.streams[generation].complete(events, within=HEALED_WITHIN_S)
        await self.webhooks.complete(shown, self._recorded, within=HEALED_WITHIN_S)
        connections = sum(stream.connections for stream in self.streams.values())
        self.notes.append(f"{len(shown)} streams by {connections} connections, {self.webhooks.messages} webhooks")

    async def _shown(self, generation: str) -> list[Event]:
        """Read a page of all events, which are some of the recorded ones, to the final one."""
        shown = [(event["version"], event["type"]) for event in await self.tenant.events(generation)]
        recorded = await self._recorded(generation)
        assert shown == [event for event in recorded if event in shown], f"{generation} was shown others: {shown}"
        assert shown[-1][1] in CATALOGUE.final, f"{generation} has no final event"
        return shown

    async def _recorded(self, generation: str) -> list[Event]:
        commits = await history(self.system, generation)
        return [(event.version, event.type) for commit in commits for event in commit.events]

    async def _submit(self, key: str) -> None:
        generation = self.ids[key] = await self._accepted(key)
        self.streams[generation] = EventClient(self.tenant, generation)

    async def _accepted(self, key: str) -> str:
        answer: Answer = await until(lambda: self._try(key), f"{key} is accepted", within=120, every=0.2)
        return str(answer.body["id"])

    async def _try(self, key: str) -> Answer | None:
        try:
            answer = await self.tenant.submit(key=key)
        except (aiohttp.ClientError, TimeoutError):
            return None
        return answer if answer.status == 202 else None


@asynccontextmanager
async def open_scene(
    system: System, servers: Servers, session: aiohttp.ClientSession, rng: random.Random
) -> AsyncIterator[Scene]:
    """Make a tenant of its own with a webhook endpoint; end its clients afterwards."""
    tenant = await make_tenant(system, session, "internal")
    async with open_receiver() as receiver:
        webhooks = await WebhookLog.open(receiver, tenant)
        sandbox = SandboxClient(system.sandbox_url, session)
        scene = Scene(system, servers, sandbox, tenant, webhooks, rng, rng.randrange(2**32))
        try:
            yield scene
        finally:
            for stream in scene.streams.values():
                await stream.close()
