"""One system under load, and the invariants that its clients can check."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from domain.generation.generation import stream_of
from tests.journeys.invariants import INVARIANTS
from tests.stores import OpenStore
from tests.systems.cluster import Cluster
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import Servers
from tests.systems.system import System
from tests.systems.tenants import Answer, Tenant
from tests.systems.waiting import until

OURS = ("gateway", "worker", "scheduler")
LOAD = 6
AT_ONCE = 8
TRY_S = 10.0
"""The time that a client gives one try of a submission, which it then repeats."""


@dataclass
class Scene:
    """The state of a row; `ids` maps each Idempotency-Key to the generation accepted under it."""

    system: System
    machines: Servers | Cluster
    sandbox: SandboxClient
    tenant: Tenant
    rng: random.Random
    seed: int
    minutes: float = 1.0
    ids: dict[str, str] = field(default_factory=dict)
    other_ids: list[str] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)

    @property
    def note(self) -> str:
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

    async def submit(self, key: str) -> None:
        """Submit until accepted, always under the same key."""
        self.ids[key] = await self._accepted(key)

    async def repeat(self, keys: Iterable[str]) -> None:
        """Submit again under keys that were accepted; note every one that got another id."""
        for key in keys:
            again = await self._accepted(key)
            if again != self.ids[key]:
                self.other_ids.append(f"{key}: {self.ids[key]} and then {again}")

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
            await self._all_events_complete()
        except ExceptionGroup as faults:
            said["W"] = f"{len(faults.exceptions)} generations: {faults.exceptions[0]!r}"[:300]
        return said

    async def _all_events_complete(self) -> None:
        limit = asyncio.Semaphore(AT_ONCE)

        async def check(store: OpenStore, generation: str) -> None:
            async with limit:
                await self._events_complete(store, generation)

        async with self.system.open_store() as store, asyncio.TaskGroup() as group:
            for generation in self.ids.values():
                group.create_task(check(store, generation))

    async def _events_complete(self, store: OpenStore, generation: str) -> None:
        """W: a client reads every event that it may see, once and in order, to the final one."""
        commits = await store.events.read(stream_of(generation))
        sent = [(event["version"], event["type"]) for event in await self.tenant.events(generation)]
        recorded = [(event.version, event.type) for commit in commits for event in commit.events]
        assert sent == [one for one in recorded if one in sent], f"{generation} was sent other events: {sent}"
        assert sent[-1][1] in ("generation.completed", "generation.failed"), f"{generation} has no final event"

    async def _accepted(self, key: str) -> str:
        answer: Answer = await until(lambda: self._try(key), f"{key} is accepted", within=120, every=0.2)
        return str(answer.body["id"])

    async def _try(self, key: str) -> Answer | None:
        try:
            async with asyncio.timeout(TRY_S):
                answer = await self.tenant.submit(key=key)
        except (aiohttp.ClientError, TimeoutError):
            return None
        return answer if answer.status == 202 else None
