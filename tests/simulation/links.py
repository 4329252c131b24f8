"""Connections of a process to the servers that all share, and the servers that have no other adapter in memory."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from inspect import iscoroutinefunction
from typing import Any

from store.errors import OutcomeUnknownError, StoreUnavailableError
from store.log.parking import Parked


@dataclass
class Network:
    """How often connections fail; `calm` ends all faults."""

    chance: random.Random
    failing: float = 0.01
    calm: bool = False

    def strikes(self, probability: float) -> bool:
        return not self.calm and self.chance.random() < probability

    async def travel(self, longest: float = 0.2) -> None:
        """Take a moment; now and then a long one."""
        await asyncio.sleep(self.delay(longest))

    def delay(self, longest: float = 0.2) -> float:
        """Return how long a way takes: mostly no time, now and then a long one."""
        return self.chance.uniform(0, longest) if self.chance.random() < 0.1 else 0


class Link:
    """A server as one process reaches it: before a call and after it others run, and the call or its answer is lost."""

    def __init__(self, server: Any, network: Network) -> None:
        self._server = server
        self._network = network

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._server, name)
        if not iscoroutinefunction(method):
            return method
        network, unknown = self._network, OutcomeUnknownError if name == "append" else StoreUnavailableError

        async def call(*args: Any, **named: Any) -> Any:
            if late := network.delay():  # a server itself lets others run before it does anything
                await asyncio.sleep(late)
            if network.strikes(network.failing):
                raise StoreUnavailableError(name)
            answer = await method(*args, **named)
            await asyncio.sleep(network.delay())
            if network.strikes(network.failing):
                raise unknown(name)
            return answer

        setattr(self, name, call)
        return call


class MemoryPredictions:
    """The generation that each prediction belongs to."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}

    async def claim(self, prediction: str, generation: str) -> bool:
        await asyncio.sleep(0)
        return self._owners.setdefault(prediction, generation) == generation

    async def owner(self, prediction: str) -> str | None:
        return self._owners.get(prediction)


@dataclass
class MemoryPositions:
    """The position of each subscriber, and what it has parked."""

    positions: dict[str, int] = field(default_factory=dict)
    parked: dict[tuple[str, int], Parked] = field(default_factory=dict)

    async def position(self, name: str) -> int:
        return self.positions.get(name, 0)

    async def advance(self, name: str, position: int) -> None:
        await asyncio.sleep(0)
        self.positions[name] = max(position, self.positions.get(name, 0))

    async def park(self, parked: Parked) -> None:
        await asyncio.sleep(0)
        self.parked[parked.subscriber, parked.position] = parked

    async def due(self, subscriber: str, now: datetime, *, limit: int) -> Sequence[Parked]:
        due = [one for one in self.parked.values() if one.subscriber == subscriber and one.due_at <= now]
        return sorted(due, key=lambda one: one.due_at)[:limit]

    async def release(self, subscriber: str, position: int) -> None:
        await asyncio.sleep(0)
        self.parked.pop((subscriber, position), None)
