"""Generations in the state that the gateway leaves them in, and the actors and jobs that move them.

The dependencies come from the tables of the wiring, on a real store and a real sandbox, with a clock that a
test moves.
"""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import httpx
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from actors.imaging.decoder import Decoder, DecoderSettings
from actors.jobs.catch_up import CatchUp
from actors.jobs.polling import poll
from actors.jobs.retry_times import RetryTimes
from actors.jobs.subscribers import SUBSCRIBERS
from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from actors.subscriptions import redelivered_to
from domain.accounts.quota import period_of
from domain.accounts.tiers import TIERS
from domain.generation import decisions
from domain.generation.generation import Generation, State, stream_of
from domain.generation.lifecycle import Timeouts
from domain.generation.timings import Price
from domain.webhooks.delivery import DEFAULT_FILTER
from events.envelope import Cause, RecordedEvent
from events.generation import Example, Owner
from exemplar.injection import Dependencies
from sandbox.app import create_app
from sandbox.settings import SandboxSettings
from store.backoff import Backoff
from store.generations.blobs import Blob
from store.generations.generations import Generations
from store.generations.personal_data import PersonalData
from store.generations.projection import row_of
from store.quota.ledger import Bounds
from tests.builders.clock import Clock
from tests.builders.generation import requested
from tests.builders.pictures import jpeg
from tests.stores import OpenStore
from tests.systems.waiting import until
from tests.wiring import wired

TOKEN = "r8_harness"
BY_TEST = Cause(actor="test")
TIMEOUTS = Timeouts(redelivery=timedelta(seconds=1), claim=timedelta(seconds=3))
LOST_AFTER = timedelta(minutes=2)
UNLIMITED = Bounds(monthly=None, concurrent=None)
ALWAYS = Backoff(first=0, longest=0)
FAST = SandboxSettings(token=TOKEN, boot_seconds=0.01, predict_seconds=0.05)
DECODER = DecoderSettings()


@dataclass
class SandboxProvider:
    """A sandbox whose clock may differ from that of the harness."""

    skew: timedelta = field(default_factory=timedelta)
    url: str = field(init=False)
    http: httpx.AsyncClient = field(init=False)

    @cached_property
    def settings(self) -> ReplicateSettings:
        return ReplicateSettings(
            replicate_api_token=SecretStr(TOKEN),
            replicate_base_url=self.url,
            create_seconds=5,
            read_seconds=5,
        )

    async def arm(self, **faults: Any) -> None:
        assert (await self.http.post("/_sandbox/faults", json=faults)).status_code == 200

    async def predictions(self) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = (await self.http.get("/v1/predictions")).json()["results"]
        return listed

    async def finished(self) -> None:
        """Wait until no prediction runs any more; the sandbox uses the real clock."""

        async def ended() -> bool:
            return all(one["completed_at"] is not None for one in await self.predictions())

        await until(ended, "all predictions have ended")


@dataclass
class Harness:
    """The dependencies of actors and jobs; `given` are those that the tables do not make."""

    store: OpenStore
    clock: Clock
    given: dict[str, Any]
    dependencies: Dependencies = field(init=False)

    def __post_init__(self) -> None:
        self.dependencies = wired(self.store, self.clock, **self.given)

    def replace(self, **changes: Any) -> "Harness":
        """Make a harness on the same store with other dependencies."""
        return Harness(self.store, self.clock, self.given | changes)

    @property
    def generations(self) -> Generations:
        found: Generations = self.dependencies.get("generations")
        return found

    async def run_actor(self, queue: str, event: RecordedEvent) -> None:
        await self.dependencies.get("run_actor")(queue, event)

    async def run_job(self, job: Callable[..., Awaitable[int]]) -> int:
        return await self.dependencies.bind(job)()

    def subscriber(self, name: str) -> CatchUp:
        handle = self.dependencies.bind(SUBSCRIBERS[name], given=["entries"])
        return self.dependencies.bind(CatchUp, given=["name", "handle"])(name=name, handle=handle)

    async def catch_up(self, name: str) -> int:
        """Let a subscriber handle the log up to its end."""
        return await self.subscriber(name).run()

    async def request(self, name: str, *, developer: str = "dev-1", webhook: str | None = None) -> None:
        """Hold, store and append, as the gateway does."""
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
        admission = self.dependencies.get("admission")
        await admission.hold(developer, name, period=period, bounds=UNLIMITED)
        event = requested(
            owner=Owner(developer=developer, project="prj-1", user="usr-1"),
            period=period,
            examples=(Example(digest=digest, content_type="image/jpeg", width=64, height=48, size=9000),),
            start_by=now + timedelta(hours=1),
            finish_by=now + timedelta(hours=2),
            webhook_events=(DEFAULT_FILTER,) if webhook else (),
        )
        await self.generations.begin(name, event, cause=replace(BY_TEST, request_id=f"r-{name}"))

    async def step(self, name: str, queue: str) -> Generation:
        """Run the actor of one queue on the last event that reaches it."""
        for event in reversed(await self.events(name)):
            if queue in redelivered_to(event.type):
                await self.run_actor(queue, event)
                return await self.load(name)
        raise AssertionError(f"no event of {name} reaches {queue}")

    async def invoked(self, name: str) -> Generation:
        """Bring a new generation to the state after its paid call."""
        await self.request(name)
        for queue in ("validation", "quota", "invocation"):
            await self.step(name, queue)
        return await self.load(name)

    async def poll_until_settled(self, name: str) -> None:
        """Bring an invoked generation to the point before completion; earlier polls add its progress."""
        await self.project(name)
        async with asyncio.timeout(20):
            while (await self.load(name)).state is not State.SETTLED:
                self.clock.forward(minutes=1)
                await self.run_job(poll)

    async def fail(self, name: str) -> None:
        """Fail a generation as validation does when an example cannot be decoded."""
        await self.generations.decide(name, decisions.reject_examples, cause=BY_TEST)

    async def load(self, name: str) -> Generation:
        generation = await self.generations.load(name)
        assert generation is not None
        return generation

    async def events(self, name: str) -> list[RecordedEvent]:
        commits = await self.store.events.read(stream_of(name))
        return [event for commit in commits for event in commit.events]

    async def types(self, name: str) -> list[str]:
        return [event.type.removeprefix("generation.") for event in await self.events(name)]

    async def project(self, *names: str) -> None:
        """Write the rows by which the scheduler finds what is due."""
        rows = [row_of(await self.load(name), TIMEOUTS, {}) for name in names]
        await self.store.projection.write(rows)


@asynccontextmanager
async def open_provider(clock: Clock) -> AsyncIterator[SandboxProvider]:
    provider = SandboxProvider()

    def skewed() -> datetime:
        return clock() + provider.skew

    async with TestServer(create_app(FAST, clock=skewed, random=random.Random(1))) as server:
        provider.url = str(server.make_url("")).rstrip("/")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(base_url=provider.url, headers=headers, timeout=20, verify=False) as http:  # noqa: S501 - it has no TLS
            provider.http = http
            yield provider


@asynccontextmanager
async def open_harness(store: OpenStore, clock: Clock, provider: SandboxProvider) -> AsyncIterator[Harness]:
    replicate = ReplicateProvider(provider.settings, clock=clock, monotonic=clock.monotonic)
    given = {
        "callback_keys": [b"c" * 32],
        "composition": "blend",
        "create_seconds": provider.settings.create_seconds,
        "lost_after": LOST_AFTER,
        "own_queues": (),  # so that each step is the work of one actor alone
        "polling_times": RetryTimes(ALWAYS),
        "price": Price(0.000975),
        "provider": replicate,
        "public_url": None,
        "redelivery_times": RetryTimes(ALWAYS),
        "tiers": TIERS,
        "timeouts": TIMEOUTS,
    }
    async with Decoder(DECODER) as decoder:
        yield Harness(store, clock, {**given, "decoder": decoder})
    await replicate.close()
