"""Gateways in this process on a real MongoDB, without actors: tests append the events themselves."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiohttp import ClientSession, web

from domain.generation.generation import stream_of
from events.commit import Commit
from events.envelope import Cause, RecordedEvent, visible
from events.event import Event
from events.generation import Owner
from events.invocation import GenerationProgressed
from events.owner import GenerationPublished
from events.quota import QuotaSettled
from exemplar.gateway_wiring import create_gateway
from exemplar.injection import Dependencies
from gateway.events.event_hub import EventHub
from gateway.events.settings import StreamSettings
from gateway.http.server import GatewayRunner
from rabbitmq.in_process_broker import InProcessBroker
from rabbitmq.topology import topology
from tests.builders.clock import Clock
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, requested, settled, started
from tests.stores import OpenStore, open_store
from tests.systems.documented import documented
from tests.systems.gateway import OPERATOR_KEY, PASSWORD, gateway_dependencies

PATH = "/api/v1/generation/generations-v2"
CAUSE = Cause(actor="actor:test", request_id="request-1")

# The commits of one generation; some hold several events and some no visible one.
BEFORE_COMPLETION: tuple[tuple[Event, ...], ...] = (
    (VALIDATED,),
    (RESERVED,),
    (intended(),),
    (started(), GenerationProgressed(percent=10), GenerationProgressed(percent=20)),
    (GenerationProgressed(percent=50),),
    (settled(),),
)
LIFECYCLE = (*BEFORE_COMPLETION, (COMPLETED,), (QuotaSettled(period="2026-11", outcome="spent"),))
PUBLISHED = (GenerationPublished(is_public=True),)


@dataclass(frozen=True)
class EndUser:
    """An end user; `developer` holds the Authorization header of the project's developer."""

    project: str
    id: str
    headers: dict[str, str]
    developer: dict[str, str]

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": self.headers["Authorization"]}


@dataclass
class Gateway:
    """A running gateway."""

    url: str
    event_hub: EventHub
    runner: web.AppRunner

    async def stop(self) -> None:
        await self.runner.cleanup()


@dataclass
class GatewaySystem:
    """Any number of gateways on one store, and a broker without consumers that wakes them."""

    store: OpenStore
    clock: Clock
    bus: InProcessBroker
    session: ClientSession
    stack: AsyncExitStack
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def start_gateway(
        self,
        *,
        woken: bool = True,
        cors: Sequence[str] = (),
        port: int = 0,
        shared: bool = False,
        **streams: Any,
    ) -> Gateway:
        """Start a gateway; without `woken` it gets no wake-ups.

        Gateways that are both `shared` may listen on the same `port`.
        """
        dependencies = self._gateway_dependencies(StreamSettings.model_validate(streams), cors)
        event_hub = dependencies.get("event_hub")
        runner = GatewayRunner(documented(create_gateway(dependencies)), dependencies.get("gateway_settings"))
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        if woken:
            await self.stack.enter_async_context(self.bus.subscribed(event_hub.broadcaster.wake))
        await web.TCPSite(runner, "127.0.0.1", port, reuse_port=shared or None).start()
        return Gateway(f"http://127.0.0.1:{runner.addresses[0][1]}", event_hub, runner)

    def _gateway_dependencies(self, stream_settings: StreamSettings, cors: Sequence[str]) -> Dependencies:
        dependencies = gateway_dependencies(
            self.store,
            self.clock,
            stream_settings=stream_settings,
            publisher=self.bus,
            announce=self.bus.announce,
        )
        settings = dependencies.get("gateway_settings")
        dependencies.set(gateway_settings=settings.model_copy(update={"cors_origins": tuple(cors)}))
        return dependencies

    async def register_user(self, gateway: Gateway, beside: EndUser | None = None) -> EndUser:
        """Register an end user, of a new developer or in the project of another user."""
        keys = dict(beside.headers) if beside else None
        developer = beside.developer if beside else {}
        if keys is None:
            made = await self._register(gateway, {"X-Operator-Key": OPERATOR_KEY}, tier="internal")
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
        return EndUser(keys["X-Project-ID"], made["id"], headers, developer)

    async def start_generation(self, user: EndUser) -> str:
        """Append the first event of a generation."""
        generation = str(uuid4())
        owner = Owner(developer="developer", project=user.project, user=user.id)
        await self.append(generation, requested(owner=owner))
        return generation

    async def append(self, generation: str, *events: Event) -> Commit:
        """Append one commit to a generation and announce it."""
        stream = stream_of(generation)
        past = await self.store.events.read(stream)
        commit = await self.store.events.append(
            stream, past[-1].last if past else 0, events, cause=CAUSE, time=self.clock()
        )
        self.bus.announce(commit)
        return commit

    async def append_all(self, generation: str, commits: Sequence[Sequence[Event]] = LIFECYCLE) -> None:
        for events in commits:
            await self.append(generation, *events)

    async def seal(self) -> None:
        while await self.store.sealed_log.seal():
            pass

    async def visible_events(self, generation: str, after: int = 0) -> list[tuple[int, str]]:
        """Read from the log what a stream must deliver: versions and types."""
        commits = await self.store.events.read(stream_of(generation))
        events = [event for commit in commits for event in commit.events]
        return [(event.version, event.type) for event in events if event.version > after and visible(event) is not None]

    async def sealed_events(self, project: str, user: str | None = None) -> list[tuple[str, int]]:
        """Read from the log what a feed must deliver: streams and versions in sealed order."""
        placed = await self.store.sealed_log.read(after=0, limit=100_000)
        commits = await self.store.sealed_log.commits(placed)
        owners = {commit.stream: commit.events[0].event for commit in commits if commit.first == 1}
        return [
            (event.stream, event.version)
            for commit in commits
            for event in commit.events
            if visible(event) is not None and _belongs(owners[commit.stream], project, user)
        ]

    async def _register(self, gateway: Gateway, headers: dict[str, str], **more: str) -> dict[str, Any]:
        email = f"user{next(self.numbers)}@example.com"
        body = {"email": email, "password": PASSWORD, **more}
        url = f"{gateway.url}/api/v1/auth/register"
        async with self.session.post(url, json=body, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            return dict(await answer.json())


def _belongs(first: Any, project: str, user: str | None) -> bool:
    return first.owner.project == project and user in (None, first.owner.user)


async def nothing(_queue: str, _event: RecordedEvent) -> None: ...


@asynccontextmanager
async def open_system(mongodb_url: str, session: ClientSession) -> AsyncIterator[GatewaySystem]:
    """Open a store, and an in-process broker without consumers."""
    clock = Clock.running()
    async with (
        open_store(mongodb_url, clock=clock) as store,
        AsyncExitStack() as stack,
    ):
        bus = InProcessBroker(topology({}))
        await bus.start(nothing)
        yield GatewaySystem(store, clock, bus, session, stack)
