"""What outlives every process: the stores, the broker and the provider; and the dependencies of a process on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from actors.imaging.decoder import Composed, DecodedExample, DecodedPicture
from actors.jobs.retry_times import RetryTimes
from domain.accounts.tiers import Tier
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from domain.submission.composition import plan
from events.commit import Commit
from exemplar.injection import Dependencies
from exemplar.wiring import dependencies_of
from gateway.moderation.input_moderation import InputModeration
from store.backoff import Backoff
from store.commits.contract import EventStore
from store.commits.memory import MemoryEventStore
from store.generations.memory_blobs import MemoryBlobs
from store.generations.memory_personal_data import MemoryPersonalData
from store.generations.memory_projection import MemoryProjection
from store.leases.memory import LeaseTable, MemoryLeases
from store.log.memory_sealed_log import MemorySealedLog
from store.quota.durations import no_durations
from store.quota.ledger import Account, Bounds, Slot
from store.quota.memory_ledger import MemoryLedger
from tests.builders.controls import FixedControls
from tests.simulation.links import Link, MemoryPositions, MemoryPredictions, Network
from tests.simulation.loop import Process
from tests.simulation.provider import CALLBACK_KEY, SimulatedProvider

TIMEOUTS = Timeouts()
TIER = Tier("simulated", monthly=4, concurrent=1, daily_requests=None, projects=None, queued=2)


class CheckedLedger(MemoryLedger):
    """A ledger that notes when it grants too much."""

    def __init__(self) -> None:
        super().__init__()
        self.overdrawn: list[str] = []
        self.granted = 0

    async def hold(self, developer: str, generation: str, *, period: str, bounds: Bounds, **more: Any) -> Slot | None:
        slot = await super().hold(developer, generation, period=period, bounds=bounds, **more)
        self._check(developer, period, bounds)
        return slot

    async def grant(self, developer: str, generation: str, *, bounds: Bounds) -> bool:
        granted = await super().grant(developer, generation, bounds=bounds)
        self.granted += granted
        self._check(developer, None, bounds)
        return granted

    def _check(self, developer: str, period: str | None, bounds: Bounds) -> None:
        account = self._accounts.get(developer)
        if account is not None and not _within(account, period, bounds):
            used = account.used_in(period or "")
            self.overdrawn.append(f"{developer}: {account.running} slots, {len(account.queue)} wait, {used} units")


def _within(account: Account, period: str | None, bounds: Bounds) -> bool:
    monthly = bounds.monthly is None or period is None or account.used_in(period) <= bounds.monthly
    slots = bounds.concurrent is None or account.running <= bounds.concurrent
    return monthly and slots and len(account.queue) <= bounds.queued


class SimulatedDecoder:
    """Decode nothing; what the pictures hold does not matter."""

    async def compose(self, examples: Sequence[bytes], mode: Any, *, developer: str) -> Composed:
        decoded = DecodedExample(width=64, height=48, format="jpeg", mode="RGB", frames=1, orientation=1)
        planned = plan(mode, [(64, 48)] * len(examples)).mode
        return Composed(b"".join(examples), 64, 48, planned, (decoded,) * len(examples))

    async def check(self, _: bytes, *, developer: str) -> DecodedPicture:
        return DecodedPicture("png", "image/png", 64, 48)


class Nothing:
    """Webhooks, of which the simulation has none."""

    async def waiting(self) -> dict[str, int]:
        return {}

    def __getattr__(self, _: str) -> Any:
        async def nothing(*_: object, **__: object) -> None: ...

        return nothing


@dataclass
class Servers:
    """The stores; `events` may be replaced by a faulty one."""

    events: EventStore = field(default_factory=MemoryEventStore)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    personal_data: MemoryPersonalData = field(default_factory=MemoryPersonalData)
    ledger: CheckedLedger = field(default_factory=CheckedLedger)
    projection: MemoryProjection = field(default_factory=MemoryProjection)
    predictions: MemoryPredictions = field(default_factory=MemoryPredictions)
    positions: MemoryPositions = field(default_factory=MemoryPositions)
    leases: LeaseTable = field(default_factory=dict)
    controls: FixedControls = field(default_factory=FixedControls)

    def __post_init__(self) -> None:
        self.sealed_log = MemorySealedLog(self.events)


def dependencies(
    process: Process,
    servers: Servers,
    network: Network,
    *,
    clock: Callable[[], datetime],
    true_clock: Callable[[], datetime],
    monotonic: Callable[[], float],
    provider: SimulatedProvider,
    announce: Callable[[Commit], None],
) -> Dependencies:
    """Wire a process on the servers, with caches of its own."""

    async def safe_now() -> datetime:
        return min(clock(), true_clock())

    return dependencies_of(
        **_linked(servers, network),
        leases=MemoryLeases(servers.leases, holder=process.name, clock=true_clock),
        **_left_out(),
        **_settings(),
        clock=clock,
        monotonic=monotonic,
        safe_now=safe_now,
        announce=announce,
        decoder=SimulatedDecoder(),
        provider=provider,
        create_seconds=provider.create_seconds,
    )


async def _current_tier(_: str) -> str:
    return TIER.name


def _settings() -> dict[str, Any]:
    """Choose what operators configure: the tier, the times, and what a picture costs."""
    redelivery = TIMEOUTS.redelivery.total_seconds()
    return {
        "callback_keys": [CALLBACK_KEY],
        "composition": "first",
        "current_tier": _current_tier,
        "input_moderation": InputModeration(),
        "public_url": "https://exemplar.test",
        "lost_after": timedelta(minutes=1),
        "price": Price(0.001),
        "tiers": {TIER.name: TIER},
        "timeouts": TIMEOUTS,
        "polling_times": RetryTimes(Backoff(first=redelivery, longest=30)),
        "redelivery_times": RetryTimes(Backoff(first=redelivery, longest=60)),
        "slot_times": RetryTimes(Backoff(first=2, longest=30)),
    }


def _left_out() -> dict[str, Any]:
    """Stand in for what is not simulated: publishing, webhooks, and the times of earlier generations."""
    return {
        "publisher": Nothing(),
        "delivery_erasure": Nothing(),
        "webhooks": Nothing(),
        "delivery_scheduler": Nothing(),
        "durations": no_durations,
        "queue": Nothing(),
        "restorations": NeverRestored(),
        "dead_letters": Nothing(),
        "lacks_endpoints": lambda _: True,
        "look_up_endpoints": lambda _: None,
    }


class NeverRestored:
    """A log that was never restored from a backup."""

    async def last(self) -> None:
        return None


def _linked(servers: Servers, network: Network) -> dict[str, Link]:
    """Reach each server over the network, under the name of its dependency."""
    reached = {
        "events": servers.events,
        "blobs": servers.blobs,
        "personal_data": servers.personal_data,
        "ledger": servers.ledger,
        "projection": servers.projection,
        "predictions": servers.predictions,
        "sealed_log": servers.sealed_log,
        "subscriptions": servers.positions,
        "parking": servers.positions,
        "current_controls": servers.controls,
    }
    return {name: Link(server, network) for name, server in reached.items()}
