"""Webhooks from recorded event to receiver: the product's wiring, a real store and a movable clock."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from uuid_utils import uuid7

from actors.webhooks.delivery_scheduler import DeliveryScheduler
from actors.webhooks.http_client import WebhookClient
from actors.webhooks.sender import Sender
from domain.generation.generation import stream_of
from domain.webhooks.delivery import Delivery
from domain.webhooks.endpoint import default_endpoint, stream_of_deliveries, stream_of_endpoint
from domain.webhooks.master_keys import MasterKeys
from events.envelope import Cause
from events.event import Event
from events.webhook import WebhookRegistered
from exemplar.injection import Dependencies
from gateway.webhooks.checks import EVENT_TYPES
from store.generations.personal_data import PersonalData
from store.webhooks.endpoints import EndpointUrl, RegisteredEndpoint
from store.webhooks.secrets import WebhookSecrets
from store.webhooks.settings import WebhookSettings
from tests.builders.clock import Clock
from tests.builders.generation import requested
from tests.stores import OpenStore, open_store
from tests.wiring import MASTER_KEY, wired

PROJECT = "prj-1"
CAUSE = Cause(actor="actor:test")
SETTINGS = WebhookSettings(allow=("127.0.0.1",), timeout_seconds=1)


@dataclass
class WebhookSystem:
    """One store and any number of senders on it; `settings` and `master_keys` are those of new processes."""

    store: OpenStore
    client: WebhookClient
    clock: Clock
    settings: WebhookSettings = SETTINGS
    master_keys: MasterKeys = field(default_factory=lambda: MasterKeys({1: MASTER_KEY}))
    senders: list[Sender] = field(default_factory=list)

    @property
    def chosen(self) -> dict[str, object]:
        """Return the dependencies that all processes of the system share."""
        return {
            "webhook_settings": self.settings,
            "master_keys": self.master_keys,
            "webhook_client": self.client,
            "public_url": "https://api.example.com",
            "chance": lambda: 0.5,
        }

    def process(self, **given: object) -> Dependencies:
        """Wire one more process on the store; what is `given` replaces its dependencies."""
        return wired(self.store, self.clock, **{**self.chosen, **given})

    def __getattr__(self, name: str) -> Any:
        """Return a dependency of a new process by its name."""
        return self.process().get(name)

    def sender(self, client: object = None) -> Sender:
        """Start one more sender."""
        sender = self.process(webhook_client=client or self.client).call(Sender)
        self.senders.append(sender)
        return sender

    def with_master_keys(self, keys: MasterKeys) -> WebhookSecrets:
        """Open the secrets in a process with other master keys."""
        return self.process(master_keys=keys).call(WebhookSecrets)

    async def request(
        self,
        *events: Event,
        webhook: str | None = None,
        filters: Sequence[str] = (),
        project: str = PROJECT,
        developer: str = "dev-1",
    ) -> str:
        """Record a generation with these events behind the first; return its id."""
        generation = str(uuid7())
        personal_data = PersonalData(generation, "token-1", b"salt", "{}", (None,), self.clock.now, webhook=webhook)
        await self.store.personal_data.put(personal_data)
        first = requested(webhook_events=tuple(filters))
        owner = first.owner.model_copy(update={"project": project, "developer": developer})
        await self.record(generation, first.model_copy(update={"owner": owner}), *events)
        return generation

    async def record(self, generation: str, *events: Event) -> None:
        """Record events behind those that exist, one commit each."""
        stream = stream_of(generation)
        commits = await self.store.events.read(stream)
        last = commits[-1].last if commits else 0
        for event in events:
            commit = await self.store.events.append(stream, last, [event], cause=CAUSE, time=self.clock.now)
            last = commit.last

    async def schedule(self, *generations: str) -> None:
        scheduler = self.process().call(DeliveryScheduler)
        for generation in generations:
            await scheduler.schedule(generation)

    async def register(self, url: str, types: Sequence[str] = EVENT_TYPES, project: str = PROJECT) -> tuple[str, str]:
        """Register an endpoint; return its id and its secret."""
        endpoint, salted = str(uuid4()), EndpointUrl(secrets.token_hex(32), url, b"salt")
        event = WebhookRegistered(developer="dev-1", project=project, url=salted.digest, event_types=tuple(types))
        secret = await self.webhooks.register(endpoint, event, url=salted, description=None, limit=100, cause=CAUSE)
        return endpoint, secret

    async def registered(self, endpoint: str) -> RegisteredEndpoint:
        """Read the row of an endpoint that must exist."""
        found: RegisteredEndpoint | None = await self.endpoints.get(endpoint)
        assert found is not None
        return found

    async def deliver_due(self) -> int:
        """Let the senders make every attempt that is due now; return how many they began."""
        done = 0
        senders = self.senders or [self.sender()]
        while begun := sum([await sender.send_due() for sender in senders]):
            done += begun
            for sender in senders:
                await sender.idle()
        return done

    async def deliver_all(self) -> list[datetime]:
        """Move the clock from one due time to the next until nothing is pending; return the times."""
        times: list[datetime] = []
        for _ in range(200):
            await self.deliver_due()
            due = await self.next_due()
            if due is None:
                return times
            self.clock.now = max(due, self.clock.now)
            times.append(self.clock.now)
        raise AssertionError("the deliveries never end")

    async def next_due(self) -> datetime | None:
        pending = await self.rows({"state": "pending"})
        return min((row.due_at for row in pending if row.due_at), default=None)

    async def rows(self, query: dict[str, Any] | None = None) -> list[Delivery]:
        """Read deliveries, in the order of their versions."""
        collection = self.store.database.get_collection("webhook_deliveries")
        ids = await collection.find(query or {}).sort("version", 1).to_list(None)
        found = [await self.deliveries.get(row["project"], row["endpoint"], row["_id"]) for row in ids]
        return [row for row in found if row is not None]

    async def outcomes(self) -> list[tuple[str, str | None]]:
        """Read the state and the end reason of every delivery."""
        return [(row.state, row.reason) for row in await self.rows()]

    async def delivery_events(self, generation: str, endpoint: str = default_endpoint(PROJECT)) -> list[Event]:
        """Read the events of a generation's deliveries at an endpoint."""
        return await self._events(stream_of_deliveries(endpoint, generation))

    async def endpoint_events(self, endpoint: str) -> list[Event]:
        """Read an endpoint's own events."""
        return await self._events(stream_of_endpoint(endpoint))

    async def _events(self, stream: str) -> list[Event]:
        commits = await self.store.events.read(stream)
        return [recorded.event for commit in commits for recorded in commit.events]

    def advance(self, **by: float) -> None:
        self.clock.now += timedelta(**by)


@asynccontextmanager
async def open_system(mongodb_url: str, clock: Clock | None = None) -> AsyncIterator[WebhookSystem]:
    """Open a store, the HTTP client and a clock; close the senders at the end."""
    now = datetime.now(UTC)  # as verifiers compare with the real time
    clock = clock or Clock(now.replace(microsecond=now.microsecond // 1000 * 1000))
    async with (
        open_store(mongodb_url, clock=clock) as store,
        WebhookClient(SETTINGS) as client,
    ):
        system = WebhookSystem(store, client, clock)
        yield system
        for sender in system.senders:
            await sender.close(grace=0)
