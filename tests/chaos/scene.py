"""One system under load, and the invariants that its clients can check."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.journeys.invariants import INVARIANTS, history
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import Servers
from tests.systems.system import System
from tests.systems.tenants import PROMPT, Answer, Tenant
from tests.systems.waiting import until

OURS = ("gateway", "worker", "scheduler")
LOAD = 6
FINAL = ("generation.completed", "generation.failed")


@dataclass
class Scene:
    """The state of a row; `ids` maps each Idempotency-Key to the generation accepted under it."""

    system: System
    servers: Servers
    sandbox: SandboxClient
    tenant: Tenant
    rng: random.Random
    seed: int
    ids: dict[str, str] = field(default_factory=dict)
    other_ids: list[str] = field(default_factory=list)
    # The failure code, or None for a picture, of generations whose end their fault decides.
    endings: dict[str, str | None] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)
    logging_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def load(self, count: int, **faults: object) -> AsyncIterator[None]:
        """Submit `count` generations during the block, then repeat each under its key."""
        keys = [f"{self.seed}-{len(self.ids) + n}" for n in range(count)]
        await self.sandbox.arm(**faults, **({"times": count} if faults else {}))
        sending = [asyncio.create_task(self.accepted(key)) for key in keys]
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

    async def spoil(self, spoiled: Sequence[tuple[Mapping[str, object], str | None]]) -> list[str]:
        """Submit one generation for each set of faults, all at once; return their ids when all are taken.

        Beside the faults stands how the generation must end: its failure code, None for a picture.
        """
        keys = [f"{self.seed}-{len(self.ids) + n}" for n in range(len(spoiled))]
        tagged = [{**faults, "prompt": f"[{key}]", "times": 1} for key, (faults, _) in zip(keys, spoiled, strict=True)]
        await self.sandbox.arm_each(tagged)
        generations = await asyncio.gather(*(self.accepted(key) for key in keys))
        await self.sandbox.taken()
        self.endings |= {one: ending for one, (_, ending) in zip(generations, spoiled, strict=True)}
        return generations

    async def accepted(self, key: str) -> str:
        """Submit a generation until it is accepted; return its id."""
        self.ids[key] = await self._accepted(key)
        return self.ids[key]

    def require(self, met: object, text: str) -> None:
        """E: note an expectation of the row that is not met."""
        if not met:
            self.unmet.append(text)

    async def log_in(self, refused: Tenant | None = None) -> None:
        """Log in again, unless that was done since the tenant was `refused`."""
        async with self.logging_in:
            if refused is None or refused is self.tenant:
                self.tenant = await self.tenant.logged_in()

    async def verdicts(self) -> Mapping[str, str]:
        """Check every invariant; map the name of each that failed to its message."""
        said = {"L": "; ".join(self.other_ids)} if self.other_ids else {}
        async with self.system.open_store() as store:
            for name, check in INVARIANTS.items():
                try:
                    await check(self.system, store)
                except Exception as fault:  # noqa: BLE001 - every failure is listed in the table
                    said[name] = repr(fault)[:300]
        for generation, ending in self.endings.items():
            self.require(*await self._ended_as(generation, ending))
        if self.unmet:
            said["E"] = "; ".join(self.unmet)[:600]
        try:
            await asyncio.gather(*(self._events_complete(generation) for generation in self.ids.values()))
        except (AssertionError, aiohttp.ClientError) as fault:
            said["W"] = repr(fault)[:300]
        return said

    async def _events_complete(self, generation: str) -> None:
        """W: a client reads every event that it may see, once and in order, to the final one."""
        sent = [(event["version"], event["type"]) for event in await self.tenant.events(generation)]
        recorded = [
            (event.version, event.type) for commit in await history(self.system, generation) for event in commit.events
        ]
        assert sent == [one for one in recorded if one in sent], f"{generation} was sent other events: {sent}"
        assert sent[-1][1] in FINAL, f"{generation} has no final event"

    async def _ended_as(self, generation: str, ending: str | None) -> tuple[bool, str]:
        """E: a generation has one final event, the one that its fault leads to."""
        events = [event.event for commit in await history(self.system, generation) for event in commit.events]
        finals = [getattr(event, "code", None) for event in events if event.type in FINAL]
        return finals == [ending], f"{generation} ended as {finals}, not as {ending}"

    async def _accepted(self, key: str) -> str:
        answer: Answer = await until(lambda: self._try(key), f"{key} is accepted", within=120, every=0.2)
        return str(answer.body["id"])

    async def _try(self, key: str) -> Answer | None:
        tenant = self.tenant
        try:
            answer = await tenant.submit(key=key, prompt=f"{PROMPT} [{key}]")
            if answer.status == 401:
                await self.log_in(tenant)
        except (aiohttp.ClientError, TimeoutError):
            return None
        return answer if answer.status == 202 else None
