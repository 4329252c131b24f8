"""The whole gateway on a real store without actors; builders of accounts and of generations."""

import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import ClientResponse, FormData, web
from aiohttp.test_utils import TestClient, TestServer

import events.generation
from domain.accounts.access import Claims, Role
from domain.accounts.access_keys import Scope
from domain.accounts.keys import Peppers, display_prefix, mint
from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from domain.submission.image_header import judge
from events.event import Event
from events.generation import GenerationCompleted, Picture
from exemplar.gateway_wiring import create_gateway
from exemplar.injection import Dependencies
from gateway.auth.tokens import Tokens
from store.accounts.erasure import AccountErasure
from store.accounts.writes import NewAccessKey, NewKey, NewPerson, mint_access_key, random_id
from store.generations.blobs import Blob
from store.generations.generations import Generations
from store.generations.projection import rows_of
from tests.builders.clock import Clock
from tests.builders.generation import RESERVED, VALIDATED, intended, settled, started
from tests.builders.pictures import jpeg
from tests.stores import OpenStore, open_store
from tests.systems.documented import documented
from tests.systems.gateway import CAUSE, PASSWORD, gateway_dependencies

ONE = "/api/v1/generation/generations-v2"

Json = Any


@dataclass(frozen=True)
class Owner:
    """A developer with a token."""

    id: str
    email: str
    token: dict[str, str]
    key: str
    key_id: str


@dataclass(frozen=True)
class OwnedProject:
    """A project with a key."""

    id: str
    owner: Owner
    key: str
    key_id: str
    mark: str


@dataclass(frozen=True)
class Person:
    """An end user with all five headers; `mark` is a text in all their data."""

    id: str
    email: str
    owned_project: OwnedProject
    headers: dict[str, str]
    mark: str

    @property
    def owner(self) -> events.generation.Owner:
        project = self.owned_project
        return events.generation.Owner(developer=project.owner.id, project=project.id, user=self.id)

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": self.headers["Authorization"]}


@dataclass
class GatewayHarness:
    """An HTTP client of a gateway on `store`, with the gateway's own `dependencies`."""

    client: "TestClient[web.Request, web.Application]"
    store: OpenStore
    clock: Clock
    dependencies: Dependencies
    password_hash: str
    picture: bytes
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.changes = self.store.account_changes
        self.generations: Generations = self.dependencies.get("generations")
        self.erasure: AccountErasure = self.dependencies.get("account_erasure")
        self.tokens: Tokens = self.dependencies.get("tokens")
        self.peppers: Peppers = self.dependencies.get("peppers")

    async def owner(self, tier: str = "internal") -> Owner:
        email = f"developer{next(self.numbers)}@example.com"
        person = NewPerson(email, self.password_hash)
        made = await self.changes.register_developer(person, tier=tier, cause=CAUSE)
        key, key_id = await self._key(made.id, None)
        return Owner(made.id, email, self.bearer(made.id, Role.DEVELOPER), key, key_id)

    async def owned_project(self, owner: Owner) -> OwnedProject:
        mark = f"garden{next(self.numbers):04}"
        made = await self.changes.create_project(owner.id, name=mark, limit=None, cause=CAUSE)
        key, key_id = await self._key(owner.id, made.id)
        return OwnedProject(made.id, owner, key, key_id, mark)

    async def person(self, owned_project: OwnedProject | None = None) -> Person:
        owned_project = owned_project or await self.owned_project(await self.owner())
        mark = f"person{next(self.numbers):04}"
        email = f"{mark}@example.com"
        new = NewPerson(email, self.password_hash, mark)
        made = await self.changes.register_user(owned_project.owner.id, owned_project.id, new, cause=CAUSE)
        headers = {
            **self.bearer(made.id, Role.END_USER, owned_project.id),
            "X-User-Role": "end_user",
            "X-Developer-Key": owned_project.owner.key,
            "X-Project-ID": owned_project.id,
            "X-API-Key": owned_project.key,
        }
        return Person(made.id, email, owned_project, headers, mark)

    async def staff(self, role: Role) -> dict[str, str]:
        """Make an operator or an auditor; return the token."""
        email = f"{role.value}{next(self.numbers)}@example.com"
        person = NewPerson(email, self.password_hash)
        made = await self.store.platform_changes.create_staff(person, role, cause=CAUSE)
        return self.bearer(made.id, role)

    def bearer(self, subject: str, role: Role, project: str | None = None, epoch: int = 0) -> dict[str, str]:
        expiry = self.tokens.expiry("access")
        claims = Claims(subject, role, project, random_id(), random_id(), expiry, epoch)
        return {"Authorization": f"Bearer {self.tokens.sign(claims, 'access')}"}

    async def access_key(
        self, person: Person, scopes: Iterable[Scope] = tuple(Scope), expires_at: datetime | None = None
    ) -> tuple[str, dict[str, str]]:
        """Make an access key of a person; return its id and the one header."""
        new, key = mint_access_key(self.peppers, None)
        stored = NewAccessKey(new, tuple(scopes), expires_at)
        made = await self.changes.access_keys.create(person.owner, stored, cause=CAUSE)
        return made.id, {"Authorization": f"Bearer {key}"}

    async def submit(self, person: Person) -> str:
        """Submit over HTTP with the person's mark in every text; return the generation's id."""
        answer = await self.client.post(
            "/api/v1/generation/generate-v2", data=self.form(person), headers=person.headers
        )
        body = await answer.json()
        assert answer.status == 202, body
        await self.project(body["id"])
        return str(body["id"])

    def form(self, person: Person) -> FormData:
        """Write a submission with the person's mark in every text."""
        form = FormData()
        form.add_field("example_images", self.picture, filename=f"{person.mark}.jpg")
        form.add_field("instructions", json.dumps({"prompt": f"a picture of {person.mark}"}))
        return form

    async def reserve(self, generation_id: str) -> Generation:
        """Bring a generation to the state before its paid call."""
        decided = await self.generations.decide(generation_id, lambda _: [VALIDATED, RESERVED], cause=CAUSE)
        assert decided is not None
        await self.project(generation_id)
        return decided.generation

    async def complete(self, generation_id: str, data: bytes | None = None) -> Generation:
        """Complete a generation with one picture, by default one that ends with its id."""
        picture = await self._store_result(generation_id, data or self.picture + generation_id.encode())
        done = GenerationCompleted(pictures=(picture,), predict_seconds=1.0, cost_microusd=1)
        prediction = f"p-{generation_id}"
        events: tuple[Event, ...] = (
            VALIDATED,
            RESERVED,
            intended(),
            started(prediction=prediction),
            settled(prediction=prediction),
            done,
        )
        decided = await self.generations.decide(generation_id, lambda _: list(events), cause=CAUSE)
        assert decided is not None
        await self.project(generation_id)
        return decided.generation

    async def _store_result(self, generation_id: str, data: bytes) -> Picture:
        generation = await self.generations.load(generation_id)
        assert generation is not None
        token, header = generation.request.personal_data, judge(data)
        personal_data = await self.store.personal_data.get(generation_id, token)
        assert personal_data is not None
        blob = Blob(
            generation=generation_id,
            digest=personal_data.digest(data),
            token=token,
            kind="result",
            content_type=header.content_type,
            data=data,
            sha256=hashlib.sha256(data).hexdigest(),
            created_at=self.clock(),
        )
        await self.store.blobs.put(blob)
        return Picture(
            digest=blob.digest,
            content_type=header.content_type,
            width=header.width,
            height=header.height,
            size=len(data),
        )

    async def project(self, generation_id: str) -> None:
        """Write the row, as the projection actor does."""
        generation = await self.generations.load(generation_id)
        assert generation is not None
        await self.store.projection.write(await rows_of([generation], self.store.personal_data, Timeouts()))

    async def completed(self, person: Person) -> str:
        generation_id = await self.submit(person)
        await self.complete(generation_id)
        return generation_id

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Json]:
        return await answered(await self.client.get(path, headers=headers))

    async def call(self, method: str, path: str, headers: Mapping[str, str], body: Json = None) -> tuple[int, Json]:
        return await answered(await self.client.request(method, path, headers=headers, json=body))

    async def _key(self, developer_id: str, project_id: str | None) -> tuple[str, str]:
        key = mint("ak" if project_id is None else "pk")
        new = NewKey(self.peppers.hash(key), display_prefix(key))
        return key, (await self.changes.create_key(developer_id, project_id, new, cause=CAUSE)).id


async def answered(answer: ClientResponse) -> tuple[int, Json]:
    """Return status and body, decoded if it is JSON."""
    data = await answer.read()
    return answer.status, json.loads(data) if "json" in answer.content_type else data


@asynccontextmanager
async def open_gateway(database: str) -> AsyncIterator[GatewayHarness]:
    """Serve a gateway on a database, with a clock that runs with the real time."""
    clock = Clock.running()
    async with open_store(database, clock=clock) as store:
        dependencies = gateway_dependencies(store, clock)
        async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
            password_hash = await dependencies.get("passwords").hash(PASSWORD)
            picture = jpeg("rocket.jpg", (64, 64))
            yield GatewayHarness(client, store, clock, dependencies, password_hash, picture)
        await store.accounts.settle()
