"""The actors' own things on a real store and a real sandbox, with a clock that a test moves."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from actors.hands import Hands
from actors.imaging.decoder import Decoder, DecoderSettings
from actors.jobs.backoff import Backoff
from actors.jobs.desk import Desk
from actors.providers.provider import Provider
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.settings import ActorSettings
from actors.subscriptions import Subscription, movers_of
from domain.accounts.quota import period_of
from domain.accounts.tiers import TIERS
from domain.generation import decisions
from domain.generation.generation import Generation, stream_of
from domain.generation.lifecycle import Timeouts
from domain.generation.price import PriceSettings
from domain.webhooks.master_keys import MasterKeys
from domain.webhooks.settings import WebhookSettings
from events.commit import Commit
from events.envelope import Cause, RecordedEvent
from events.generation import Example, Owner
from sandbox.app import create_app
from sandbox.settings import SandboxSettings
from store.generations.blobs import Blob
from store.generations.generations import Generations
from store.generations.observations import Observations
from store.generations.personal_data import PersonalData
from store.generations.projection import row_of
from store.mongo.store import MongoStore
from store.quota.admission import Admission
from store.quota.ledger import Bounds
from store.webhooks.webhooks import Webhooks
from tests.builders.generation import requested
from tests.making import jpeg

TOKEN = "r8_workshop"
BY_TEST = Cause(actor="test")
TIMEOUTS = Timeouts(redelivery=timedelta(seconds=1), claim=timedelta(seconds=3))
LOST_AFTER = timedelta(minutes=2)
UNLIMITED = Bounds(monthly=None, concurrent=None)


class Clock:
    """A clock that runs, and jumps when told to."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def forward(self, **span: float) -> None:
        self.ahead += timedelta(**span)


@dataclass
class SandboxProvider:
    """A sandbox whose clock may differ from ours."""

    url: str
    http: httpx.AsyncClient
    skew: timedelta = field(default_factory=timedelta)

    async def arm(self, **faults: Any) -> None:
        assert (await self.http.post("/_sandbox/faults", json=faults)).status_code == 200

    async def predictions(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self.http.get("/v1/predictions")).json()["results"]
        return listed

    async def finished(self) -> None:
        """Wait until no prediction runs any more; the sandbox takes its time, whatever our clock says."""
        async with asyncio.timeout(20):
            while any(  # noqa: ASYNC110 - a server's state has no event to wait for
                one["completed_at"] is None for one in await self.predictions()
            ):
                await asyncio.sleep(0.02)


@dataclass
class Workshop:
    """Generations as the door leaves them, and the handlers that move them."""

    store: MongoStore
    clock: Clock
    hands: Hands
    desk: Desk

    async def request(self, name: str, *, developer: str = "dev-1", webhook: str | None = None) -> None:
        """Hold, store and append, as the door does."""
        picture, now = jpeg("coffee.png", (64, 48)), self.clock()
        personal_data = PersonalData(
            name, "token-1", name.encode(), '{"prompt": "a lake"}', (None,), now, webhook=webhook
        )
        digest = personal_data.digest(picture)
        blob = Blob(
            generation=name,
            digest=digest,
            token=personal_data.token,
            kind="example",
            content_type="image/jpeg",
            data=picture,
            sha256=hashlib.sha256(picture).hexdigest(),
            created_at=now,
        )
        await self.store.personal_data.put(personal_data)
        await self.store.blobs.put(blob)
        period = period_of(now)
        await self.hands.admission.hold(developer, name, period=period, bounds=UNLIMITED)
        event = requested(
            owner=Owner(developer=developer, project="prj-1", user="usr-1"),
            period=period,
            examples=(Example(digest=digest, content_type="image/jpeg", width=64, height=48, size=9000),),
            start_by=now + timedelta(hours=1),
            finish_by=now + timedelta(hours=2),
        )
        await self.hands.generations.begin(name, event, cause=replace(BY_TEST, request_id=f"r-{name}"))

    async def step(self, name: str, queue: str) -> Generation:
        """Call the handler of one queue with the last event that concerns it."""
        for event in reversed(await self.events(name)):
            movers = [mover for mover in movers_of(event.type) if mover.queue == queue]
            if movers:
                await self._call(movers[0], event)
                return await self.load(name)
        raise AssertionError(f"nothing of {name} is for {queue}")

    async def invoked(self, name: str) -> Generation:
        """Bring a new generation to its paid call and past it."""
        await self.request(name)
        for queue in ("validation", "quota", "invocation"):
            await self.step(name, queue)
        return await self.load(name)

    async def fail(self, name: str) -> None:
        """End a generation whose example cannot be decoded, as validation does."""
        await self.hands.generations.decide(name, decisions.reject_examples, cause=BY_TEST)

    async def load(self, name: str) -> Generation:
        generation = await self.hands.generations.load(name)
        assert generation is not None
        return generation

    async def events(self, name: str) -> list[RecordedEvent]:
        commits = await self.store.events.read(stream_of(name))
        return [event for commit in commits for event in commit.events]

    async def told(self, name: str) -> list[str]:
        return [event.type.removeprefix("generation.") for event in await self.events(name)]

    async def project(self, *names: str) -> None:
        """Write the rows by which the scheduler finds what is due."""
        rows = [row_of(await self.load(name), TIMEOUTS, {}) for name in names]
        await self.store.projection.write(rows)

    async def _call(self, mover: Subscription, event: RecordedEvent) -> None:
        await mover.handler(event, hands=self.hands)


@asynccontextmanager
async def open_provider(clock: Clock) -> AsyncIterator[SandboxProvider]:
    provider = SandboxProvider("", httpx.AsyncClient())

    def skewed() -> datetime:
        return clock() + provider.skew

    settings = SandboxSettings(token=TOKEN, boot_seconds=0.01, predict_seconds=0.05)
    async with TestServer(create_app(settings, clock=skewed, random=random.Random(1))) as server:
        provider.url = str(server.make_url("")).rstrip("/")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=provider.url, headers=headers, timeout=20) as http:
            provider.http = http
            yield provider


@asynccontextmanager
async def open_workshop(store: MongoStore, clock: Clock, provider: str) -> AsyncIterator[Workshop]:
    replicate = ReplicateSettings(
        replicate_api_token=SecretStr(TOKEN), replicate_base_url=provider, create_seconds=5, read_seconds=5
    )
    model = ReplicateProvider(replicate, clock=clock)
    async with Decoder(DecoderSettings()) as decoder:
        hands = _hands(store, clock, model, decoder, replicate)
        yield Workshop(store, clock, hands, _desk(store, hands))
    await model.close()


def _hands(
    store: MongoStore, clock: Clock, model: Provider, decoder: Decoder, replicate: ReplicateSettings
) -> Hands:
    generations = Generations(store.events, announce=_ignore, clock=clock)
    used: Any = {
        "generations": generations,
        "personal_data": store.personal_data,
        "blobs": store.blobs,
        "admission": Admission(store.ledger, generations, clock=clock),
        "observations": Observations(generations, store.personal_data, store.predictions, PriceSettings()),
        "projection": store.projection,
        "decoder": decoder,
        "model": model,
        "settings": ActorSettings(public_url=None, callback_secret=SecretStr("c" * 32)),
        "replicate": replicate,
        "timeouts": TIMEOUTS,
        "lost_after": LOST_AFTER,
        "tiers": TIERS,
        "webhooks": Webhooks(
            store.events,
            store.outgoing,
            WebhookSettings(),
            keys=MasterKeys({1: "m" * 32}),
            announce=_ignore,
            clock=clock,
        ),
        "clock": clock,
    }
    return Hands(**(dict.fromkeys(Hands.__dataclass_fields__) | used))


def _desk(store: MongoStore, hands: Hands) -> Desk:
    every_time = timedelta()
    used: Any = {
        "hands": hands,
        "events": store.events,
        "log": store.log,
        "subscribers": store.subscribers,
        "parking": store.parking,
        "leases": store.leases,
        "tries": Backoff(first=every_time, longest=every_time),
        "questions": Backoff(first=every_time, longest=every_time),
        "lists": {},
        "unknown": {},
        "cursors": {},
    }
    return Desk(**(dict.fromkeys(Desk.__dataclass_fields__) | used))


def _ignore(_: Commit) -> None: ...
