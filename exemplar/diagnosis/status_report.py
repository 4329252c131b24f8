"""What `exemplar status` reports, and how it is collected."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from actors.subscriptions import QUEUES
from exemplar.commands.subscribers import SubscribersReport, report_subscribers
from exemplar.diagnosis.deployment import Deployment
from exemplar.diagnosis.health import Health, read_health
from exemplar.injection import Dependencies
from rabbitmq.depths import Depth, read_depths
from rabbitmq.topology import topology
from store.controls.current import CurrentControls
from store.failed.dead_letters import DeadLetters
from store.generations.queue import Queue
from store.leases.pauses import Pause, Pauses, refused_token
from store.log.parking import Parking
from store.log.sealed_log import SealedLog
from store.log.subscriptions import SubscriberCheckpoints

PROVIDER: Final = "replicate"
"""The name of the only provider; its adapter is not imported for it, which takes long."""
_MOST_DEAD = 1000
_TOKENS: Final = "https://replicate.com/account/api-tokens"
_ANOTHER_TOKEN: Final = f"make another token at {_TOKENS}, then start again with it"
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "provider_unauthorized": ("refuses the account", _ANOTHER_TOKEN),
    "provider_payment": ("refuses the account, which cannot pay", "https://replicate.com/account/billing"),
    "provider_throttled": ("limits the rate of calls", "wait, or ask it for a higher limit"),
}
"""Why the provider is not called: what it does, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """The state of a system at one moment.

    health: None without an address of a gateway. queues: empty where messages stay in one process; broker_fault: why
    they could not be read. generations: those that are not finished, by state. dead_letters: calls of actors that
    failed, at most 1,000. controls: what operators hold back. provider: why the provider is not called for so many
    seconds; None while it is called. token_refused: the provider refuses the token of a process, also where nothing
    waits for a call. runs: False for an `exemplar up` that is stopped.
    """

    at: datetime
    system: str
    health: Health | None
    queues: Mapping[str, Depth]
    broker_fault: str | None
    generations: Mapping[str, int]
    subscribers: SubscribersReport
    dead_letters: int
    controls: Sequence[str]
    provider: Pause | None
    token_refused: bool
    runs: bool

    @property
    def attention(self) -> Sequence[str]:
        """What somebody should look at, each with what to type; empty when all is well."""
        return self.concerns("system", "gateway", "provider", "broker", "workers", "failed", "scheduler")

    def body(self) -> dict[str, Any]:
        """Write the report for programs."""
        return {**asdict(self), "attention": self.attention}

    def concerns(self, *kinds: str) -> Sequence[str]:
        """Name the concerns of some kinds: what is wrong, and what to type, with a colon between them."""
        return [text for kind, text in self._concerns() if kind in kinds]

    def _concerns(self) -> Iterator[tuple[str, str]]:
        if not self.runs:
            unfinished = sum(self.generations.values())
            told = f"nothing runs, with {counted(unfinished, 'unfinished generation')}"
            yield "system", f"{told}: make run (or: exemplar up)"
        yield from self._service_concerns()
        yield from self._work_concerns()

    def _service_concerns(self) -> Iterator[tuple[str, str]]:
        if self.health is not None and self.health.status != "healthy":
            yield "gateway", f"the gateway is {self.health.status}: exemplar doctor"
        if self.provider is not None:
            yield "provider", _refusal(self.provider)
        elif self.token_refused:
            yield "provider", f"the provider refuses the token (provider_unauthorized): {_ANOTHER_TOKEN}"
        elif self.health is not None and self.health.provider == "degraded":
            yield "provider", "the gateway does not call the provider: exemplar doctor"
        if self.broker_fault:
            yield "broker", f"RabbitMQ cannot be read ({self.broker_fault}): exemplar doctor"
        if idle := [name for name, depth in self.queues.items() if not depth.consumers]:
            yield "workers", f"no worker handles {', '.join(idle)}: exemplar worker"

    def _work_concerns(self) -> Iterator[tuple[str, str]]:
        if parked := len(self.subscribers.parked):
            yield "failed", f"{counted(parked, 'parked event')}: exemplar failed list parked"
        if self.dead_letters:
            yield "failed", f"{counted(self.dead_letters, 'failed call')} of actors: exemplar failed list dead-letters"
        if unsealed := len(self.subscribers.unsealed):
            told = f"{counted(unsealed, 'commit')} without a position for over a minute"
            yield "scheduler", f"{told}: exemplar scheduler"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _refusal(pause: Pause) -> str:
    does, remedy = _REFUSALS.get(pause.reason, ("is not called", "exemplar doctor"))
    return f"the provider {does} ({pause.reason}): {remedy}"


async def collect_of(store: Dependencies, deployment: Deployment) -> StatusReport:
    """Collect a report with the adapters of an open store."""
    return await store.call(partial(collect, deployment))


async def collect(
    deployment: Deployment,
    *,
    sealed_log: SealedLog,
    subscriptions: SubscriberCheckpoints,
    parking: Parking,
    queue: Queue,
    dead_letters: DeadLetters,
    current_controls: CurrentControls,
    pauses: Pauses,
    clock: Callable[[], datetime],
) -> StatusReport:
    """Ask gateway, RabbitMQ and store at the same time."""
    health, (queues, fault), subscribers, generations, dead, controls = await asyncio.gather(
        _health(deployment),
        _queues(deployment),
        report_subscribers(sealed_log, subscriptions, parking, clock),
        queue.by_state(),
        dead_letters.page(limit=_MOST_DEAD),
        current_controls.fresh(),
    )
    return StatusReport(
        at=clock(),
        system=deployment.name,
        health=health,
        queues=queues,
        broker_fault=fault,
        generations=generations,
        subscribers=subscribers,
        dead_letters=len(dead),
        controls=[*controls.by_name],
        provider=await pauses.current(PROVIDER),
        token_refused=await pauses.current(refused_token(PROVIDER)) is not None,
        runs=deployment.kind != "stopped",
    )


async def _health(deployment: Deployment) -> Health | None:
    return None if deployment.url is None else await read_health(deployment.url)


async def _queues(deployment: Deployment) -> tuple[Mapping[str, Depth], str | None]:
    settings = deployment.rabbit_settings
    if not settings.amqp_url or deployment.kind == "stopped":
        return {}, None
    try:
        return await read_depths(settings, topology(QUEUES, settings.queue_prefix)), None
    except OSError as error:
        return {}, str(error) or type(error).__name__
