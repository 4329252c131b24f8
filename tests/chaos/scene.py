"""One installation under load, and what its clients hold against it afterwards."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.servers import Servers
from tests.journeys.oracles import ORACLES, history
from tests.journeys.system import Sandbox, System, until
from tests.journeys.tenants import Answer, Tenant

OURS = ("gateway", "worker", "scheduler")


@dataclass
class Scene:
    """What a row of the table works with; `ids` maps each Idempotency-Key to what was accepted under it."""

    system: System
    servers: Servers
    sandbox: Sandbox
    tenant: Tenant
    chance: random.Random
    seed: int
    ids: dict[str, str] = field(default_factory=dict)
    other_ids: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def load(self, count: int, **faults: object) -> AsyncIterator[None]:
        """Submit so many inside the block, each until it is accepted; then each once more under its key."""
        keys = [f"{self.seed}-{len(self.ids) + n}" for n in range(count)]
        await self.sandbox.arm(**faults, **({"times": count} if faults else {}))
        sending = [asyncio.create_task(self._submit(key)) for key in keys]
        await asyncio.sleep(self.chance.uniform(0, 0.6))
        try:
            yield
        finally:
            await asyncio.gather(*sending)
            await self.sandbox.taken()
        for key in keys:
            again = await self._accepted(key)
            if again != self.ids[key]:
                self.other_ids.append(f"{key}: {self.ids[key]} and then {again}")

    async def verdicts(self) -> Mapping[str, str]:
        """Ask every oracle; map the letter of each that failed to what it said."""
        said = {"L": "; ".join(self.other_ids)} if self.other_ids else {}
        async with self.system.memory() as store:
            for letter, oracle in ORACLES.items():
                try:
                    await oracle(self.system, store)
                except Exception as fault:  # noqa: BLE001 - whatever it is, the table tells it
                    said[letter] = repr(fault)[:300]
        try:
            await asyncio.gather(*(self._same_story(generation) for generation in self.ids.values()))
        except (AssertionError, aiohttp.ClientError) as fault:
            said["W"] = repr(fault)[:300]
        return said

    async def _same_story(self, generation: str) -> None:
        """W: a client reads every event that it may see, once and in order, to the final one."""
        told = [(event["version"], event["type"]) for event in await self.tenant.events(generation)]
        recorded = [
            (event.version, event.type)
            for commit in await history(self.system, generation)
            for event in commit.events
        ]
        assert told == [one for one in recorded if one in told], f"{generation} is told otherwise: {told}"
        assert told[-1][1] in ("generation.completed", "generation.failed"), f"{generation} has no end"

    async def _submit(self, key: str) -> None:
        self.ids[key] = await self._accepted(key)

    async def _accepted(self, key: str) -> str:
        answer: Answer = await until(lambda: self._try(key), f"{key} is accepted", within=120, every=0.2)
        return str(answer.body["id"])

    async def _try(self, key: str) -> Answer | None:
        try:
            answer = await self.tenant.submit(key=key)
        except (aiohttp.ClientError, TimeoutError):
            return None
        return answer if answer.status == 202 else None
