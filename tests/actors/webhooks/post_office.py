"""Everything between a recorded event and a receiver, on a real store, with a clock that a test moves."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from uuid_utils import uuid7

from actors.handlers.delivery import schedule
from actors.webhooks.delivery_attempt import Courier
from actors.webhooks.http_client import Dial
from actors.webhooks.sender import Sender
from domain.generation.generation import stream_of
from domain.webhooks.endpoint import default_endpoint, stream_of_deliveries, stream_of_endpoint
from domain.webhooks.settings import WebhookSettings
from events.envelope import Cause, RecordedEvent
from events.event import Event
from events.visible import visible
from events.webhook import WebhookRegistered
from gateway.webhooks.checks import EVENT_TYPES
from store.generations.personal_data import PersonalData, PersonalDataStore
from store.mongo.store import MongoStore
from store.webhooks.deliveries import Delivery
from store.webhooks.endpoints import Address
from store.webhooks.webhooks import Webhooks
from tests.builders.generation import requested

PROJECT = "prj-1"
MASTER_KEY = "the first master key of these tests"
CAUSE = Cause(actor="actor:test")


class Clock:
    """Stands until it is moved; begins now, because verifiers compare with the true time."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self.now = now.replace(microsecond=now.microsecond // 1000 * 1000)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class PostOffice:
    """One store, any number of senders on it."""

    store: MongoStore
    webhooks: Webhooks
    dial: Dial
    clock: Clock
    senders: list[Sender] = field(default_factory=list)

    @property
    def personal_data(self) -> PersonalDataStore:
        return self.store.personal_data

    @property
    def visible(self) -> Callable[[RecordedEvent], dict[str, Any] | None]:
        return visible

    @property
    def settings(self) -> WebhookSettings:
        return self.webhooks.settings

    def sender(self, dial: Dial | None = None) -> Sender:
        """Open one more counter."""
        courier = Courier(
            webhooks=self.webhooks,
            personal_data=self.personal_data,
            dial=dial or self.dial,
            visible=visible,
            public_url="https://api.example.com",
            chance=lambda: 0.5,
            clock=self.clock,
        )
        sender = Sender(courier, self.settings, clock=self.clock)
        self.senders.append(sender)
        return sender

    async def request(
        self, *facts: Event, webhook: str | None = None, filters: Sequence[str] = (), project: str = PROJECT
    ) -> str:
        """Record a generation up to some facts; return its id."""
        generation = str(uuid7())
        personal_data = PersonalData(
            generation, "token-1", b"salt", "{}", (None,), self.clock.now, webhook=webhook
        )
        await self.personal_data.put(personal_data)
        first = requested(webhook_events=tuple(filters))
        owner = first.owner.model_copy(update={"project": project})
        await self.record(generation, first.model_copy(update={"owner": owner}), *facts)
        return generation

    async def record(self, generation: str, *facts: Event) -> None:
        """Record facts behind those that are there, one commit each."""
        stream = stream_of(generation)
        for fact in facts:
            commits = await self.store.events.read(stream)
            last = commits[-1].last if commits else 0
            await self.store.events.append(stream, last, [fact], cause=CAUSE, time=self.clock.now)

    async def schedule(self, *generations: str) -> None:
        for generation in generations:
            await schedule(generation, self)

    async def register(
        self, url: str, types: Sequence[str] = EVENT_TYPES, project: str = PROJECT
    ) -> tuple[str, str]:
        """Register an endpoint; return its id and its secret."""
        endpoint, secret = str(uuid4()), self.webhooks.secrets.mint()
        address = Address(secrets.token_hex(32), url, b"salt")
        event = WebhookRegistered(
            developer="dev-1", project=project, url=address.digest, event_types=tuple(types)
        )
        await self.webhooks.register(
            endpoint, event, address=address, description=None, secret=secret, limit=100, cause=CAUSE
        )
        return endpoint, secret

    async def work(self) -> int:
        """Let the senders make every attempt that is due now; return how many they looked at."""
        done = 0
        senders = self.senders or [self.sender()]
        while begun := sum([await sender.round() for sender in senders]):
            done += begun
            for sender in senders:
                await sender.idle()
        return done

    async def work_until_done(self, *, most: int = 200) -> list[datetime]:
        """Move the clock from one due moment to the next until nothing is; return the moments."""
        moments: list[datetime] = []
        for _ in range(most):
            await self.work()
            due = await self.next_due()
            if due is None:
                return moments
            self.clock.now = max(due, self.clock.now)
            moments.append(self.clock.now)
        raise AssertionError("it never ends")

    async def next_due(self) -> datetime | None:
        found = await self.rows({"state": "pending"})
        return min((row.due_at for row in found if row.due_at), default=None)

    async def rows(self, query: dict[str, Any] | None = None) -> list[Delivery]:
        """Read deliveries, in the order of their versions."""
        collection = self.store.client.get_default_database().get_collection("webhook_deliveries")
        ids = await collection.find(query or {}).sort("version", 1).to_list(None)
        found = [
            await self.webhooks.deliveries.get(row["project"], row["endpoint"], row["_id"]) for row in ids
        ]
        return [row for row in found if row is not None]

    async def told(self, generation: str, endpoint: str = default_endpoint(PROJECT)) -> list[Event]:
        """Read the facts of a generation's deliveries at an endpoint."""
        return await self._facts(stream_of_deliveries(endpoint, generation))

    async def life(self, endpoint: str) -> list[Event]:
        """Read the facts of an endpoint."""
        return await self._facts(stream_of_endpoint(endpoint))

    async def _facts(self, stream: str) -> list[Event]:
        commits = await self.store.events.read(stream)
        return [recorded.event for commit in commits for recorded in commit.events]

    def forward(self, **by: float) -> None:
        self.clock.now += timedelta(**by)
