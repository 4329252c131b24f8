"""`/api/v1/operations/status`: how the service does, for operators."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from aiohttp import web

from domain.paths import OPERATIONS_STATUS
from events.catalogue import CATALOGUE
from events.envelope import format_time
from gateway.auth.authentication import Authenticator
from gateway.health_answers import BrokerHealth
from gateway.openapi.operation import get
from gateway.operations import answers
from store.audit.audit_log import AuditLog
from store.controls.current import CurrentControls
from store.failed.dead_letters import DeadLetters
from store.generations.queue import Queue
from store.leases.pauses import Pauses, refused_token
from store.log.parking import Parking
from store.log.subscriptions import SubscriberCheckpoints

_MOST_WAITING: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRoutes:
    """Show who follows the log, what waits, what failed, and whether the provider is called."""

    authenticator: Authenticator
    audit_log: AuditLog
    subscriptions: SubscriberCheckpoints
    parking: Parking
    dead_letters: DeadLetters
    queue: Queue
    queue_depths: Callable[[], Awaitable[Mapping[str, int]]]
    broker_health: Callable[[], Mapping[str, Any]]
    pauses: Pauses
    provider_name: str
    provider_paused: Callable[[], Awaitable[datetime | None]]
    current_controls: CurrentControls

    @get(OPERATIONS_STATUS, "operator", answer=answers.ServiceStatus)
    async def read(self, request: web.Request) -> web.Response:
        """Read subscribers, queues, failed work, and the circuit of the provider.

        `waiting` counts the generations without a paid call, up to 100,000; `messages` those of a queue that has a
        worker.
        """
        await self.authenticator.authenticate_operator(request)
        position = await self.audit_log.head()
        waiting, parked, dead, depths, provider, controls = await asyncio.gather(
            self.queue.waiting(_MOST_WAITING),
            self.parking.counts(),
            self.dead_letters.count(),
            self.queue_depths(),
            self._provider(),
            self.current_controls.fresh(),
        )
        body: answers.ServiceStatus = {
            "position": position,
            "subscribers": await self._subscribers(position, parked),
            "queues": [{"name": name, "messages": depths.get(name, 0)} for name in CATALOGUE.queues],
            "broker": cast("BrokerHealth", dict(self.broker_health())),
            "waiting": waiting,
            "parked": sum(parked.values()),
            "dead_letters": dead,
            "provider": provider,
            "controls": len(controls.by_name),
        }
        return web.json_response(body, headers={"Cache-Control": "no-store"})

    async def _subscribers(self, position: int, parked: Mapping[str, int]) -> list[answers.SubscriberStatus]:
        names = [*CATALOGUE.subscribers]
        reached = await asyncio.gather(*map(self.subscriptions.position, names))
        return [
            {"name": name, "position": at, "behind": max(position - at, 0), "parked": parked.get(name, 0)}
            for name, at in zip(names, reached, strict=True)
        ]

    async def _provider(self) -> answers.ProviderStatus:
        until, pause = await self.provider_paused(), await self.pauses.current(self.provider_name)
        refused = await self.pauses.current(refused_token(self.provider_name))
        told = refused if until is None else pause or refused
        return {
            "name": self.provider_name,
            "paused_until": format_time(until) if until else None,
            "reason": None if told is None else told.reason,
        }
