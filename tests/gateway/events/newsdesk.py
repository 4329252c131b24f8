"""Gateways on one store, with nobody behind them: what happens, a test makes happen."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession, web

from domain.generation.generation import stream_of
from events.commit import Commit
from events.envelope import Cause
from events.event import Event
from events.generation import GenerationProgressed, GenerationPublished, Owner, QuotaSettled
from events.visible import visible
from exemplar.environment import read_all
from exemplar.gateway_wiring import GATEWAY_SETTINGS
from exemplar.injection import Dependencies
from exemplar.processes import open_resources
from exemplar.wiring import SETTINGS, Opener, dependencies_of, open_outbox, open_provider, open_store
from gateway.door import create_door
from gateway.events.connection import StreamSettings
from gateway.events.event_hub import EventHub
from gateway.http.server import GatewayRunner
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import topology
from store.mongo.store import MongoStore
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, requested, settled, started

ONE = "/api/v1/generation/generations-v2"
OPERATOR = "an operator of these tests and no other"
ENVIRONMENT = {
    **dict.fromkeys(("EXEMPLAR_JWT_SECRET", "EXEMPLAR_ID_SECRET", "EXEMPLAR_CALLBACK_SECRET"), "k" * 32),
    "EXEMPLAR_KEY_PEPPERS": json.dumps({"1": "p" * 32}),
    "EXEMPLAR_WEBHOOK_MASTER_KEYS": json.dumps({"1": "m" * 32}),
    "EXEMPLAR_OPERATOR_KEYS": json.dumps([OPERATOR]),
    "EXEMPLAR_PASSWORD_MEMORY_KIB": "8",
    "EXEMPLAR_PASSWORD_PASSES": "1",
    "REPLICATE_API_TOKEN": "r8_nobody",
}
CAUSE = Cause(actor="actor:test", request_id="request-1")

# The commits of one generation, of which some hold several events and some nothing that is shown.
BEFORE_THE_END: tuple[tuple[Event, ...], ...] = (
    (VALIDATED,),
    (RESERVED,),
    (intended(),),
    (started(), GenerationProgressed(percent=10), GenerationProgressed(percent=20)),
    (GenerationProgressed(percent=50),),
    (settled(),),
)
ROAD = (*BEFORE_THE_END, (COMPLETED,), (QuotaSettled(period="2026-11", outcome="spent"),))
PUBLISHED = (GenerationPublished(is_public=True),)


@dataclass(frozen=True)
class Person:
    """Somebody with an account; `developer` is the token of who owns the project."""

    project: str
    user: str
    headers: dict[str, str]
    developer: dict[str, str]

    @property
    def reading(self) -> dict[str, str]:
        return {"Authorization": self.headers["Authorization"]}


@dataclass
class Gateway:
    """One gateway process, as far as a test can tell."""

    url: str
    event_hub: EventHub
    runner: web.AppRunner

    async def stop(self) -> None:
        await self.runner.cleanup()


@dataclass
class Newsdesk:
    dependencies: Dependencies
    store: MongoStore
    bus: InProcessBroker
    session: ClientSession
    stack: AsyncExitStack
    ahead: timedelta = timedelta()
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def gateway(
        self,
        *,
        woken: bool = True,
        cors: Sequence[str] = (),
        port: int = 0,
        shared: bool = False,
        **streams: Any,
    ) -> Gateway:
        """Start a gateway; unless it is `woken` no wake-up ever reaches it.

        A named `port` may be that of another one, if both are `shared`.
        """
        settings = read_all({**SETTINGS, **GATEWAY_SETTINGS})
        settings["stream_settings"] = StreamSettings.model_validate(streams)
        settings["gateway_settings"] = settings["gateway_settings"].model_copy(
            update={"cors_origins": tuple(cors)}
        )
        dependencies = dependencies_of(
            **settings,
            store=self.store,
            provider=self.dependencies.get("provider"),
            publisher=self.bus,
            clock=self.clock,
        )
        door, door_settings = dependencies.get("door"), dependencies.get("door_settings")
        runner = GatewayRunner(create_door(door, door_settings), door_settings.gateway)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        if woken:
            self.stack.callback(self.bus.subscribe(door.event_hub.broadcaster.wake))
        await web.TCPSite(runner, "127.0.0.1", port, reuse_port=shared or None).start()
        return Gateway(f"http://127.0.0.1:{runner.addresses[0][1]}", door.event_hub, runner)

    async def person(self, gateway: Gateway, beside: Person | None = None) -> Person:
        """Register an end user, of a new developer or of somebody else's project."""
        keys = dict(beside.headers) if beside else None
        developer = beside.developer if beside else {}
        if keys is None:
            made = await self._register(gateway, {"X-Operator-Key": OPERATOR}, tier="internal")
            given = made["provisioning"]
            developer = {"Authorization": f"Bearer {made['access_token']}"}
            keys = {
                "X-Developer-Key": given["developer_key"],
                "X-Project-ID": given["project_id"],
                "X-API-Key": given["api_key"],
            }
        keys = {name: keys[name] for name in ("X-Developer-Key", "X-Project-ID", "X-API-Key")}
        made = await self._register(gateway, keys)
        headers = {**keys, "X-User-Role": "end_user", "Authorization": f"Bearer {made['access_token']}"}
        return Person(keys["X-Project-ID"], made["id"], headers, developer)

    async def generation(self, person: Person) -> str:
        """Let somebody's generation begin."""
        generation = str(uuid4())
        owner = Owner(developer="developer", project=person.project, user=person.user)
        await self.happen(generation, requested(owner=owner))
        return generation

    async def happen(self, generation: str, *events: Event) -> Commit:
        """Append one commit to a generation."""
        stream = stream_of(generation)
        past = await self.store.events.read(stream)
        commit = await self.store.events.append(
            stream, past[-1].last if past else 0, events, cause=CAUSE, time=self.clock()
        )
        self.bus.announce(commit)
        return commit

    async def travel(self, generation: str, road: Sequence[Sequence[Event]] = ROAD) -> None:
        for events in road:
            await self.happen(generation, *events)

    async def seal(self) -> None:
        while await self.store.log.seal():
            pass

    async def shown(self, generation: str, after: int = 0) -> list[tuple[int, str]]:
        """Tell what a reader must get, from the log alone: versions and types."""
        commits = await self.store.events.read(stream_of(generation))
        events = [event for commit in commits for event in commit.events]
        return [
            (event.version, event.type)
            for event in events
            if event.version > after and visible(event) is not None
        ]

    async def sealed(self, project: str, user: str | None = None) -> list[tuple[str, int]]:
        """Tell what a reader of a wider stream must get: streams and versions in sealed order."""
        placed = await self.store.log.read(after=0, limit=100_000)
        owners = {
            entry.commit.stream: entry.commit.events[0].event for entry in placed if entry.commit.first == 1
        }
        return [
            (event.stream, event.version)
            for entry in placed
            for event in entry.commit.events
            if visible(event) is not None and _belongs(owners[entry.commit.stream], project, user)
        ]

    async def _register(self, gateway: Gateway, headers: dict[str, str], **more: str) -> dict[str, Any]:
        email = f"somebody{next(self.numbers)}@example.com"
        body = {"email": email, "password": "correct horse battery", **more}
        url = f"{gateway.url}/api/v1/auth/register"
        async with self.session.post(url, json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            return dict(await answer.json())


async def until(true: Callable[[], bool]) -> None:
    """Look again and again until it is so; fail after 20 seconds."""
    async with asyncio.timeout(20):
        while True:
            if true():
                return
            await asyncio.sleep(0.01)


def _belongs(first: Any, project: str, user: str | None) -> bool:
    return first.owner.project == project and user in (None, first.owner.user)


@asynccontextmanager
async def open_newsdesk(session: ClientSession) -> AsyncIterator[Newsdesk]:
    """Open the store as the environment says, and a broker without actors."""
    dependencies = dependencies_of(**read_all(SETTINGS))
    resources: Mapping[str, Opener] = {"store": open_store, "outbox": open_outbox, "provider": open_provider}
    async with open_resources(resources, dependencies), AsyncExitStack() as stack:
        bus = InProcessBroker(topology({}), dependencies.get("outbox").published)
        await bus.start({})
        yield Newsdesk(dependencies, dependencies.get("store"), bus, session, stack)
