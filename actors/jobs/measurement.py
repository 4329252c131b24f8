"""Measure the whole system: one scheduler does so for all processes, by queries that indexes answer."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from actors import system_metrics as gauges
from actors.metrics import PAUSES
from actors.providers.provider import Provider
from domain.generation.generation import State
from domain.generation.lifecycle import RUNNING, Timeouts
from events.catalogue import CATALOGUE
from metrics.metric import Gauge
from metrics.metrics import Metrics, Values
from store.controls.current import CurrentControls
from store.failed.dead_letters import DeadLetters
from store.generations.resting import Resting, RestingGenerations
from store.leases.pauses import Pauses
from store.log.parking import Parking
from store.log.sealed_log import SealedLog
from store.log.subscriptions import SubscriberCheckpoints
from store.log.unsealed import OldestUnsealed
from store.mongo.disk_usage import DiskUsage
from store.quota.held_units import HeldUnits
from store.webhooks.delivery_backlog import DeliveryBacklog

NAME: Final = "metrics"
PERIOD: Final = 15.0

_MOST_DEAD: Final = 10_000
_SUBSCRIBERS: Final = tuple(CATALOGUE.subscribers)
_STATES: Final = tuple(state.value for state in State if state in RUNNING)


class QueueDepth(Protocol):
    """The messages of one queue, its workers and its dead letters."""

    @property
    def messages(self) -> int: ...
    @property
    def consumers(self) -> int: ...
    @property
    def dead(self) -> int: ...


class QueueReader(Protocol):
    """Counts the messages of each queue: over RabbitMQ or inside the process."""

    async def depths(self) -> Mapping[str, QueueDepth]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemMeasurement:
    """Read what the gauges of the system show, each from who owns it."""

    metrics: Metrics
    sealed_log: SealedLog
    oldest_unsealed: OldestUnsealed
    subscriptions: SubscriberCheckpoints
    parking: Parking
    dead_letters: DeadLetters
    publisher: QueueReader
    resting_generations: RestingGenerations
    held_units: HeldUnits
    delivery_backlog: DeliveryBacklog
    pauses: Pauses
    provider: Provider
    current_controls: CurrentControls
    disk_usage: DiskUsage
    timeouts: Timeouts
    clock: Callable[[], datetime]

    async def run(self) -> None:
        """Measure everything once."""
        await asyncio.gather(
            self._log(), self._failed(), self._queues(), self._generations(), self._holds(), self._webhooks()
        )
        await asyncio.gather(self._provider(), self._disk())

    async def _log(self) -> None:
        unsealed = await self.oldest_unsealed()
        reached = await asyncio.gather(*map(self.subscriptions.position, _SUBSCRIBERS))
        position = await self.sealed_log.head()  # last, so that nobody seems to be ahead of it
        behind = {name: max(position - at, 0) for name, at in zip(_SUBSCRIBERS, reached, strict=True)}
        self._set(gauges.SEALING_LAG, self._age(unsealed))
        self._set(gauges.LOG_POSITION, position)
        self.metrics.replace(gauges.SUBSCRIBER_LAG, _labelled(behind))

    async def _failed(self) -> None:
        parked, dead = await asyncio.gather(self.parking.counts(), self.dead_letters.count(most=_MOST_DEAD))
        self.metrics.replace(gauges.PARKED, _labelled({**dict.fromkeys(_SUBSCRIBERS, 0), **parked}))
        self._set(gauges.DEAD_LETTERS, dead)

    async def _queues(self) -> None:
        depths = await self.publisher.depths()
        self.metrics.replace(gauges.QUEUE_MESSAGES, _labelled({name: one.messages for name, one in depths.items()}))
        self.metrics.replace(gauges.QUEUE_WORKERS, _labelled({name: one.consumers for name, one in depths.items()}))
        self.metrics.replace(gauges.QUEUE_DEAD, _labelled({name: one.dead for name, one in depths.items()}))

    async def _generations(self) -> None:
        found = await self.resting_generations(_STATES)
        ages = {state: self._age_in(State(state), resting) for state, resting in found.items()}
        self.metrics.replace(gauges.UNFINISHED, _labelled({state: resting.number for state, resting in found.items()}))
        self.metrics.replace(gauges.OLDEST, _labelled(ages))
        self._set(gauges.CLAIM_AGE, ages[State.INTENDED])

    async def _holds(self) -> None:
        held = await self.held_units()
        self._set(gauges.HOLDS, held.number)
        self._set(gauges.HOLD_AGE, self._age(held.since))

    async def _webhooks(self) -> None:
        self.metrics.replace(gauges.WEBHOOK_BACKLOG, _labelled(await self.delivery_backlog()))

    async def _provider(self) -> None:
        pause, controls = await asyncio.gather(self.pauses.current(self.provider.name), self.current_controls.get())
        reason = pause.reason if pause is not None else None
        paused = {one: float(one == reason) for one in PAUSES}
        if self.provider.token_accepted is False:
            paused["provider_unauthorized"] = 1.0
        self.metrics.replace(gauges.PROVIDER_PAUSED, _labelled(paused))
        self._set(gauges.CONTROLS, len(controls.by_name))

    async def _disk(self) -> None:
        usage = await self.disk_usage()
        self._set(gauges.DATA_SIZE, usage.storage)
        if usage.size:
            self._set(gauges.DISK_USED, usage.used)
            self._set(gauges.DISK_SIZE, usage.size)

    def _age_in(self, state: State, resting: Resting) -> float:
        """Tell how long the oldest generation has been in a state; of one that waits, since it should go on."""
        match state:
            case State.INTENDED:
                before = self.timeouts.claim.total_seconds()
            case State.WAITING:
                before = 0.0
            case _:
                before = self.timeouts.redelivery.total_seconds()
        return 0.0 if resting.due_at is None else max(self._seconds_since(resting.due_at) + before, 0.0)

    def _age(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(self._seconds_since(since), 0.0)

    def _seconds_since(self, moment: datetime) -> float:
        return (self.clock() - moment).total_seconds()

    def _set(self, gauge: Gauge, value: float) -> None:
        self.metrics.replace(gauge, {(): value})


def _labelled(values: Mapping[str, float]) -> Values:
    return {(name,): value for name, value in values.items()}


async def measure_system(*, system_measurement: SystemMeasurement) -> int:
    """Measure everything once; nothing is ever found, so that the job keeps its period."""
    await system_measurement.run()
    return 0
