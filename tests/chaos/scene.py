"""One system under load, and the invariants that its clients can check."""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from domain.generation.generation import stream_of
from events.catalogue import CATALOGUE
from tests.chaos.event_client import Event, EventClient
from tests.chaos.orphans import orphans_left
from tests.chaos.webhook_log import Recorded, WebhookLog
from tests.journeys.invariants import INVARIANTS, history
from tests.stores import OpenStore
from tests.systems.cluster import Cluster
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import Servers
from tests.systems.system import System
from tests.systems.tenants import PROMPT, Answer, Tenant, make_tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import open_receiver

OURS = ("gateway", "worker", "scheduler")
LOAD = 6
TRY_S = 10.0
"""The time that a client gives one try of a submission, which it then repeats."""
# Beside what the system shortens: the attempt of a killed sender is repeated within this time.
ENVIRON = {"EXEMPLAR_WEBHOOK_TIMEOUT_SECONDS": "5", "EXEMPLAR_WEBHOOK_LEASE_SECONDS": "6"}
HEALED_WITHIN_S = 60.0


@dataclass
class Scene:
    """The state of a row; `ids` maps each Idempotency-Key to the generation accepted under it.

    An event stream of every generation stays open, and the project has a webhook endpoint.
    """

    system: System
    machines: Servers | Cluster
    sandbox: SandboxClient
    tenant: Tenant
    webhooks: WebhookLog
    rng: random.Random
    seed: int
    minutes: float = 1.0
    ids: dict[str, str] = field(default_factory=dict)
    other_ids: list[str] = field(default_factory=list)
    # The failure code, or None for a picture, of generations whose end their fault decides.
    endings: dict[str, str | None] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    logging_in: asyncio.Lock = field(default_factory=asyncio.Lock)
    streams: dict[str, EventClient] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """What a row measured: the times in which the system accepted and completed a new submission again."""
        times = sorted(self.recoveries)
        if not times:
            return ""
        middle, high = times[len(times) // 2], times[min(len(times) - 1, int(0.95 * len(times)))]
        return f"recovery: median {middle:.1f} s, p95 {high:.1f} s, at most {times[-1]:.1f} s"

    @property
    def servers(self) -> Servers:
        """The one mongod and the one RabbitMQ node of most rows."""
        assert isinstance(self.machines, Servers)
        return self.machines

    @property
    def cluster(self) -> Cluster:
        """The servers of a row that needs several members of each."""
        assert isinstance(self.machines, Cluster)
        return self.machines

    @property
    def kills(self) -> int:
        """Count the processes that were killed by SIGKILL since the system was opened."""
        return self.system.kills + self.machines.kills

    @asynccontextmanager
    async def load(self, count: int, **faults: object) -> AsyncIterator[None]:
        """Submit `count` generations during the block, then repeat each under its key."""
        keys = [f"{self.seed}-{len(self.ids) + n}" for n in range(count)]
        await self.sandbox.arm(**faults, **({"times": count} if faults else {}))
        sending = [asyncio.create_task(self.submit(key)) for key in keys]
        await asyncio.sleep(self.rng.uniform(0, 0.6))
        try:
            yield
        finally:
            await asyncio.gather(*sending)
            await self.sandbox.taken()
        await self.repeat(keys)

    async def submit(self, key: str) -> str:
        """Submit until accepted, always under the same key; return the id."""
        generation = self.ids[key] = await self._accepted(key)
        self.streams[generation] = EventClient(lambda: self.tenant, self.log_in, generation)
        return generation

    async def repeat(self, keys: Iterable[str]) -> None:
        """Submit again under keys that were accepted; note every one that got another id."""
        for key in keys:
            again = await self._accepted(key)
            if again != self.ids[key]:
                self.other_ids.append(f"{key}: {self.ids[key]} and then {again}")

    async def spoil(self, spoiled: Sequence[tuple[Mapping[str, object], str | None]]) -> list[str]:
        """Submit one generation for each set of faults, all at once; return their ids when all are taken.

        Beside the faults stands how the generation must end: its failure code, None for a picture.
        """
        keys = [f"{self.seed}-{len(self.ids) + n}" for n in range(len(spoiled))]
        tagged = [{**faults, "prompt": f"[{key}]", "times": 1} for key, (faults, _) in zip(keys, spoiled, strict=True)]
        await self.sandbox.arm_each(tagged)
        generations = await asyncio.gather(*(self.submit(key) for key in keys))
        await self.sandbox.taken()
        self.endings |= {one: ending for one, (_, ending) in zip(generations, spoiled, strict=True)}
        return generations

    def require(self, met: object, text: str) -> None:
        """E: note an expectation of the row that is not met."""
        if not met:
            self.unmet.append(text)

    async def log_in(self, refused: Tenant | None = None) -> None:
        """Log in again, unless that was done since the tenant was `refused`."""
        async with self.logging_in:
            if refused is None or refused is self.tenant:
                self.tenant = await self.tenant.logged_in()

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
                await self._events_complete(store)
            except (AssertionError, aiohttp.ClientError) as fault:
                said["W"] = repr(fault)[:300]
            if orphans := await orphans_left(store):
                said["B"] = f"data without a stream: {orphans}"[:300]
        for generation, ending in self.endings.items():
            self.require(*await self._ended_as(generation, ending))
        if self.unmet:
            said["E"] = "; ".join(self.unmet)[:600]
        return said

    async def _ended_as(self, generation: str, ending: str | None) -> tuple[bool, str]:
        """E: a generation has one final event, the one that its fault leads to."""
        events = [event.event for commit in await history(self.system, generation) for event in commit.events]
        finals = [getattr(event, "code", None) for event in events if event.type in CATALOGUE.final]
        return finals == [ending], f"{generation} ended as {finals}, not as {ending}"

    async def _events_complete(self, store: OpenStore) -> None:
        """W: pages, open streams and webhooks tell every event that they may, each stream once and in order."""

        async def recorded(generation: str) -> list[Event]:
            commits = await store.events.read(stream_of(generation))
            return [(event.version, event.type) for commit in commits for event in commit.events]

        shown = {generation: await self._shown(generation, recorded) for generation in self.ids.values()}
        for generation, events in shown.items():
            await self.streams[generation].complete(events, within=HEALED_WITHIN_S)
        await self.webhooks.complete(shown, recorded, within=HEALED_WITHIN_S)
        connections = sum(stream.connections for stream in self.streams.values())
        self.notes.append(f"{len(shown)} streams by {connections} connections, {self.webhooks.messages} webhooks")

    async def _shown(self, generation: str, recorded: Recorded) -> list[Event]:
        """Read a page of all events, which are some of the recorded ones, to the final one."""
        shown = [(event["version"], event["type"]) for event in await self.tenant.events(generation)]
        expected = await recorded(generation)
        assert shown == [event for event in expected if event in shown], f"{generation} was shown others: {shown}"
        assert shown[-1][1] in CATALOGUE.final, f"{generation} has no final event"
        return shown

    async def _accepted(self, key: str) -> str:
        answer: Answer = await until(lambda: self._try(key), f"{key} is accepted", within=120, every=0.2)
        return str(answer.body["id"])

    async def _try(self, key: str) -> Answer | None:
        tenant = self.tenant
        try:
            async with asyncio.timeout(TRY_S):
                answer = await tenant.submit(key=key, prompt=f"{PROMPT} [{key}]")
            if answer.status == 401:
                await self.log_in(tenant)
        except (aiohttp.ClientError, TimeoutError):
            return None
        return answer if answer.status == 202 else None


@asynccontextmanager
async def open_scene(
    system: System,
    machines: Servers | Cluster,
    session: aiohttp.ClientSession,
    rng: random.Random,
    *,
    minutes: float = 1.0,
) -> AsyncIterator[Scene]:
    """Make a tenant of its own with a webhook endpoint; end its clients afterwards."""
    tenant = await make_tenant(system, session, "internal")
    async with open_receiver() as receiver:
        webhooks = await WebhookLog.open(receiver, tenant)
        sandbox = SandboxClient(system.sandbox_url, session)
        scene = Scene(system, machines, sandbox, tenant, webhooks, rng, rng.randrange(2**32), minutes)
        try:
            yield scene
        finally:
            for stream in scene.streams.values():
                await stream.close()
