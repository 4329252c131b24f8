"""The whole gateway on a real store without actors; builders of accounts and of generations."""

import hashlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiohttp import ClientResponse, FormData, web
from aiohttp.test_utils import TestClient

from actors.providers.replicate import ReplicateProvider
from actors.providers.settings import ReplicateSettings
from domain.accounts.access import Claims, Role
from domain.accounts.keys import Peppers, display_prefix, mint
from domain.accounts.tiers import TIERS
from domain.generation.generation import Generation
from domain.generation.lifecycle import Timeouts
from domain.generation.price import Price
from domain.webhooks.master_keys import MasterKeys
from events.envelope import Cause
from events.event import Event
from events.generation import GenerationCompleted, Picture
from exemplar.gateway_wiring import create_gateway
from exemplar.wiring import dependencies_of
from gateway.auth.settings import AuthenticationSettings, PasswordSettings, TokenSettings
from gateway.auth.tokens import Tokens
from gateway.events.settings import StreamSettings
from gateway.settings import GatewaySettings
from store.accounts.changes import AccountChanges
from store.accounts.erasure import AccountErasure
from store.accounts.project_erasure import ProjectErasure
from store.accounts.writes import random_id
from store.generations.blobs import Blob
from store.generations.generations import Generations
from store.generations.projection import rows_of
from store.quota.admission import Admission
from store.webhooks.settings import WebhookSettings
from store.webhooks.webhooks import Webhooks
from tests.builders.clock import Clock
from tests.builders.generation import RESERVED, VALIDATED, intended, settled, started
from tests.stores import OpenStore
from tests.wiring import wired

SECRET = "k" * 32
PEPPER = "p" * 32
OPERATOR_KEY = "an operator of these tests and no other place"
PASSWORD = "correct horse battery"
CAUSE = Cause(actor="operator")
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
    """An end user with all five headers; `mark` is a word in all their data."""

    id: str
    email: str
    owned_project: OwnedProject
    headers: dict[str, str]
    mark: str

    @property
    def token(self) -> dict[str, str]:
        return {"Authorization": self.headers["Authorization"]}


@dataclass
class GatewayHarness:
    client: "TestClient[web.Request, web.Application]"
    store: OpenStore
    changes: AccountChanges
    generations: Generations
    erasure: AccountErasure
    tokens: Tokens
    clock: Clock
    password_hash: str
    picture: bytes
    peppers: Peppers = field(default_factory=lambda: Peppers({1: PEPPER}))
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def owner(self, tier: str = "internal") -> Owner:
        email = f"developer{next(self.numbers)}@example.com"
        made = await self.changes.register_developer(
            email=email, password_hash=self.password_hash, tier=tier, cause=CAUSE
        )
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
        made = await self.changes.register_user(
            owned_project.owner.id,
            owned_project.id,
            email=email,
            password_hash=self.password_hash,
            full_name=mark,
            cause=CAUSE,
        )
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
        made = await self.store.platform_changes.create_staff(
            random_id(), role, email=email, password_hash=self.password_hash, cause=CAUSE
        )
        return self.bearer(made.id, role)

    def bearer(self, subject: str, role: Role, project: str | None = None, epoch: int = 0) -> dict[str, str]:
        expiry = self.tokens.expiry("access")
        claims = Claims(subject, role, project, random_id(), random_id(), expiry, epoch)
        return {"Authorization": f"Bearer {self.tokens.sign(claims, 'access')}"}

    async def submit(self, person: Person) -> str:
        """Submit over HTTP with a word of the person in everything; return the generation's id."""
        form = FormData()
        form.add_field("example_images", self.picture, filename=f"{person.mark}.jpg")
        form.add_field("instructions", json.dumps({"prompt": f"a picture of {person.mark}"}))
        answer = await self.client.post("/api/v1/generation/generate-v2", data=form, headers=person.headers)
        body = await answer.json()
        assert answer.status == 202, body
        await self.project(body["id"])
        return str(body["id"])

    async def complete(self, generation_id: str) -> Generation:
        """Let a generation come to its end with one picture."""
        data = self.picture + generation_id.encode()
        digest = hashlib.sha256(data).hexdigest()
        picture = Picture(digest=digest, content_type="image/jpeg", width=64, height=64, size=len(data))
        blob = Blob(
            generation=generation_id,
            digest=digest,
            token="t",
            kind="result",
            content_type="image/jpeg",
            data=data,
            sha256=digest,
            created_at=self.clock(),
        )
        await self.store.blobs.put(blob)
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

    async def project(self, generation_id: str) -> None:
        """Write the row, as the projector would."""
        generation = await self.generations.load(generation_id)
        assert generation is not None
        await self.store.projection.write(await rows_of([generation], self.store.personal_data, Timeouts()))

    async def completed(self, person: Person) -> str:
        generation_id = await self.submit(person)
        await self.complete(generation_id)
        return generation_id

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Json]:
        return await answered(await self.client.get(path, headers=headers))

    async def call(
        self, method: str, path: str, headers: Mapping[str, str], body: Json = None
    ) -> tuple[int, Json]:
        return await answered(await self.client.request(method, path, headers=headers, json=body))

    async def _key(self, developer_id: str, project_id: str | None) -> tuple[str, str]:
        key = mint("ak" if project_id is None else "pk")
        kept = await self.changes.create_key(
            developer_id,
            project_id,
            key_hash=self.peppers.hash(key),
            prefix=display_prefix(key),
            cause=CAUSE,
        )
        return key, kept.id


async def answered(answer: ClientResponse) -> tuple[int, Json]:
    """Return status and body, JSON where it is."""
    data = await answer.read()
    return answer.status, json.loads(data) if "json" in answer.content_type else data


def application_of(store: OpenStore, generations: Generations, clock: Clock) -> web.Application:
    provider = ReplicateProvider(ReplicateSettings(REPLICATE_API_TOKEN="r8_none"), clock=clock)
    gateway_settings = {"jwt_secret": SECRET, "id_secret": SECRET, "callback_secret": SECRET}
    keys = {"key_peppers": {1: PEPPER}, "operator_keys": [OPERATOR_KEY]}
    dependencies = dependencies_of(
        gateway_settings=GatewaySettings.model_validate(gateway_settings),
        token_settings=TokenSettings(),
        authentication_settings=AuthenticationSettings.model_validate(keys),
        password_settings=PasswordSettings(memory_kib=8, passes=1),
        stream_settings=StreamSettings(),
        callback_key=SECRET.encode(),
        price=Price(0.000975),
        database=store.database,
        accounts=store.accounts,
        holder="tests",
        generations=generations,
        admission=Admission(store.ledger, generations, clock=clock),
        webhook_settings=WebhookSettings(),
        master_keys=MasterKeys({1: "m" * 32}),
        timeouts=Timeouts(),
        tiers=dict(TIERS),
        provider=provider,
        announce=lambda _: None,
        broker_health=lambda: {"status": "healthy"},
        clock=clock,
    )
    app: web.Application = create_gateway(dependencies)
    return app


def webhooks_of(store: OpenStore, clock: Clock) -> Webhooks:
    found: Webhooks = wired(store, clock).get("webhooks")
    return found


def erasure_of(store: OpenStore, generations: Generations, clock: Clock) -> AccountErasure:
    changes = store.account_changes
    return AccountErasure(
        deletions=store.deletions,
        account_changes=changes,
        project_erasure=ProjectErasure(
            deletions=store.deletions,
            account_changes=changes,
            webhooks=webhooks_of(store, clock),
            erase_projects_after=timedelta(days=30),
            clock=clock,
        ),
        accounts=store.accounts,
        generations=generations,
        lists=store.lists,
        personal_data=store.personal_data,
        blobs=store.blobs,
        clock=clock,
    )
