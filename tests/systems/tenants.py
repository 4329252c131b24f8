"""End users with all five headers, who use a system over HTTP only."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import aiohttp
from multidict import CIMultiDict

from domain.accounts.keys import API_KEY_PREFIX, DEVELOPER_KEY_PREFIX, display_prefix, mint
from domain.accounts.passwords import Passwords
from domain.paths import PROJECT_WEBHOOKS
from events.envelope import Cause
from store.accounts.changes import AccountChanges
from store.accounts.writes import NewKey, NewPerson
from tests.builders.pictures import jpeg
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.waiting import until

SUBMIT = "/api/v1/generation/generate-v2"
ONE = "/api/v1/generation/generations-v2"
PASSWORD = "an-unlikely-password-indeed"
CAUSE = Cause(actor="operator")
# Texts of personal data: none of them may be in a log line or a message.
PROMPT = "a heliotrope walrus in Aunt Wilhelmina's garden"
FILE_NAME = "lake-holiday-with-rosalind.jpg"


@dataclass(frozen=True)
class Answer:
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.data)


@dataclass(frozen=True)
class Tenant:
    """One end user; `developer` pays."""

    system: System
    session: aiohttp.ClientSession
    base_url: str
    headers: Mapping[str, str]
    email: str
    developer: str
    project: str
    developer_email: str
    user: str
    extra: Mapping[str, str] = field(default_factory=dict)

    async def get(self, address: str, **headers: str) -> Answer:
        """GET a path or an absolute address with the bearer token alone."""
        token = {"Authorization": self.headers["Authorization"]}
        return await fetch(self.session, self.base_url, address, token | headers)

    async def submit(
        self,
        *pictures: bytes,
        prompt: str = PROMPT,
        field: str = "example_images",
        key: str | None = None,
        **more: object,
    ) -> Answer:
        """POST pictures (one small photograph if none are given) with instructions."""
        form = aiohttp.FormData()
        for picture in pictures or (small(),):
            form.add_field(field, picture, filename=FILE_NAME, content_type="image/jpeg")
        form.add_field("instructions", json.dumps({"prompt": prompt, **more}))
        headers = CIMultiDict(self.headers)
        if key is not None:
            headers["Idempotency-Key"] = key
        async with self.session.post(self.base_url + SUBMIT, data=form, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def accepted(self, *pictures: bytes, **more: Any) -> str:
        """Submit a request that must be accepted; return the id."""
        answer = await self.submit(*pictures, **more)
        assert answer.status == 202, answer.data
        return str(answer.body["id"])

    async def resource(self, generation: str) -> dict[str, Any]:
        answer = await self.get(f"{ONE}/{generation}")
        assert answer.status == 200, answer.data
        return dict(answer.body)

    async def events(self, generation: str, after: int = 0) -> list[dict[str, Any]]:
        answer = await self.get(f"{ONE}/{generation}/events?after={after}")
        assert answer.status == 200, answer.data
        return list(answer.body["events"])

    async def finished(self, generation: str, *, within: float = 60.0) -> dict[str, Any]:
        """Follow a generation to its end; return the resource."""

        async def final() -> dict[str, Any] | None:
            resource = await self.resource(generation)
            return resource if resource["status"] in ("completed", "failed") else None

        last = until(final, f"{generation} is final", within=within, every=0.15)
        return dict(await last)

    async def completed(self, generation: str, *, within: float = 60.0) -> dict[str, Any]:
        """Follow a generation that must succeed."""
        resource = await self.finished(generation, within=within)
        assert resource["status"] == "completed", resource["failure"]
        return resource

    async def reaches(self, generation: str, *states: str) -> dict[str, Any]:
        """Wait until a generation is in one of the states."""

        async def there() -> dict[str, Any] | None:
            resource = await self.resource(generation)
            return resource if resource["state"] in states else None

        return dict(await until(there, f"{generation} reaches {states}"))

    async def spoiled(self, sandbox: SandboxClient, *, key: str | None = None, **faults: object) -> str:
        """Submit a generation whose creation at the provider gets these faults; return its id."""
        await sandbox.arm(times=1, **faults)
        generation = await self.accepted(key=key)
        await sandbox.taken()
        return generation

    async def logged_in(self) -> "Tenant":
        """Log in again, as a client does whose token is refused; return the user with the new token."""
        token = await _log_in(self.system, self.session, self.email, self.project)
        self.system.hidden.add(token)
        return replace(self, headers={**self.headers, "Authorization": f"Bearer {token}"})

    async def developer_token(self) -> str:
        """Log in as the developer; return the access token."""
        token = await _log_in(self.system, self.session, self.developer_email, None)
        self.system.hidden.add(token)
        return token

    async def register_webhook(self, url: str) -> str:
        """Register a webhook endpoint of the project as its developer; return its secret."""
        token = await self.developer_token()
        address = f"{self.system.base_url}{PROJECT_WEBHOOKS.format(project_id=self.project)}"
        headers = {"Authorization": f"Bearer {token}"}
        async with self.session.post(address, json={"url": url}, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            return str((await answer.json())["secret"])

    def at(self, base_url: str) -> "Tenant":
        """Return the same user at another gateway."""
        return replace(self, base_url=base_url)


async def fetch(
    session: aiohttp.ClientSession, base_url: str, address: str, headers: Mapping[str, str] | None = None
) -> Answer:
    url = address if address.startswith("http") else base_url + address
    async with session.get(url, headers=headers, allow_redirects=False) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


def now() -> datetime:
    return datetime.now(UTC)


async def make_tenant(
    system: System,
    session: aiohttp.ClientSession,
    tier: str,
    *,
    beside: Tenant | None = None,
    name: str | None = None,
) -> Tenant:
    """Make an end user of a new developer, or of the same project as another; log in over HTTP.

    `name` is the full name, and in the address.
    """
    email = f"{name or secrets.token_hex(6)}@people.example"
    password_hash = await Passwords(memory_kib=1024, passes=1).hash(PASSWORD)
    async with system.open_store() as store:
        if beside is None:
            headers, developer, project, payer = await _developer(system, store.account_changes, tier, password_hash)
        else:
            headers, developer, project = dict(beside.headers), beside.developer, beside.project
            payer = beside.developer_email
        person = NewPerson(email, password_hash, name)
        user = await store.account_changes.register_user(developer, project, person, cause=CAUSE)
    token = await _log_in(system, session, email, project)
    headers |= {"Authorization": f"Bearer {token}"}
    system.hidden |= {token, headers["X-Developer-Key"], headers["X-API-Key"]}
    return Tenant(system, session, system.base_url, headers, email, developer, project, payer, user.id)


async def _developer(
    system: System, changes: AccountChanges, tier: str, password_hash: str
) -> tuple[dict[str, str], str, str, str]:
    email = f"{secrets.token_hex(6)}@studios.example"
    developer = await changes.register_developer(NewPerson(email, password_hash), tier=tier, cause=CAUSE)
    project = await changes.create_project(developer.id, name="Journeys", limit=None, cause=CAUSE)
    hashed = system.authentication.peppers.hash
    developer_key, api_key = mint(DEVELOPER_KEY_PREFIX), mint(API_KEY_PREFIX)
    for project_id, key in ((None, developer_key), (project.id, api_key)):
        await changes.create_key(developer.id, project_id, NewKey(hashed(key), display_prefix(key)), cause=CAUSE)
    headers = {
        "X-User-Role": "end_user",
        "X-Developer-Key": developer_key,
        "X-Project-ID": project.id,
        "X-API-Key": api_key,
    }
    return headers, developer.id, project.id, email


async def _log_in(system: System, session: aiohttp.ClientSession, email: str, project: str | None) -> str:
    """Log in a user of a project, or without one a developer; return the access token."""
    login, headers = {"email": email, "password": PASSWORD}, {"X-Project-ID": project} if project else {}
    url = f"{system.base_url}/api/v1/auth/login"
    async with session.post(url, json=login, headers=headers) as answer:
        answer.raise_for_status()
        return str((await answer.json())["access_token"])


def small() -> bytes:
    """Return a small photograph, which is processed quickly."""
    return jpeg("coffee.png", (160, 120))


def fresh_key() -> str:
    return str(uuid4())


def types(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the types of events without their prefix."""
    return [str(event["type"]).removeprefix("generation.") for event in events]
