"""Accounts of all four roles with something to see: a picture, a webhook whose receiver is gone, a checkpoint."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx

from domain.accounts.access import Role
from domain.accounts.passwords import Passwords
from domain.audit.checkpoint_key import SigningKey
from exemplar_client import Client, Keys, Login
from store.accounts.writes import NewPerson
from store.audit.checkpointing import Checkpointer
from tests.systems.account import Account, open_account
from tests.systems.system import System
from tests.systems.tenants import CAUSE, PASSWORD

SAMPLES: Final = sorted((Path(__file__).parents[2] / "exemplar" / "demo" / "samples").glob("*.png"))[:3]
STAFF: Final = {"platform_operator": Role.PLATFORM_OPERATOR, "auditor": Role.AUDITOR}
ROLES: Final = ("end_user", "developer", *STAFF)
NOBODY: Final = "http://127.0.0.1:9/hook"


@dataclass(frozen=True)
class World:
    """The ids and the accounts; `emails` by role, the password of all is the same."""

    account: Account
    emails: Mapping[str, str]
    developer: str
    user: str
    generation: str
    endpoint: str

    @property
    def project(self) -> str:
        return self.account.project_id


def make_world(system: System) -> World:
    """Make it; in a thread, because Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_make, system).result()


def _make(system: System) -> World:
    account = open_account(system, "cloud_premium")
    staff = asyncio.run(_staff(system))
    keys = Keys(account.project_id, account.developer_key, account.api_key)
    developer_login = Login(account.developer_email, account.password)
    with (
        Client(system.base_url, Login(account.email, account.password, keys)) as user,
        Client(system.base_url, developer_login) as developer,
    ):
        endpoint = developer.api.create_endpoint(account.project_id, json={"url": NOBODY, "description": "billing"})
        accepted = user.submit(SAMPLES, {"prompt": "sun over a neon city", "style": "cyberpunk"})
        user.wait(accepted.id)
        own = {name: one.api.read_own_account()["id"] for name, one in (("user", user), ("developer", developer))}
    asyncio.run(_sign(system))
    emails = {"end_user": account.email, "developer": account.developer_email, **staff}
    return World(account, emails, own["developer"], own["user"], accepted.id, endpoint["id"])


async def _staff(system: System) -> dict[str, str]:
    password_hash = await Passwords(memory_kib=1024, passes=1).hash(PASSWORD)
    emails = {}
    async with system.open_store() as store:
        for name, role in STAFF.items():
            emails[name] = f"{name}-{datetime.now(UTC):%H%M%S%f}@platform.example"
            await store.platform_changes.create_staff(NewPerson(emails[name], password_hash), role, cause=CAUSE)
    return emails


async def _sign(system: System) -> None:
    """Sign the log with all that was recorded until now, as the scheduler does each minute."""
    key = SigningKey.from_base64("exemplar", system.secrets.checkpoint_key)
    async with system.open_store() as store:
        while await store.sealed_log.seal():
            pass
        await Checkpointer(store.checkpoints, key, [key.public], lambda: datetime.now(UTC)).make()


def sessions(system: System, world: World) -> list[dict[str, Any]]:
    """Log all roles in; return what the console keeps of them, in the order of ROLES."""
    account = world.account
    keys = {
        "X-User-Role": "end_user",
        "X-Developer-Key": account.developer_key,
        "X-Project-ID": world.project,
        "X-API-Key": account.api_key,
    }
    ids, project = {"end_user": world.user, "developer": world.developer}, {"X-Project-ID": world.project}
    return [
        {
            "id": ids.get(role, ""),
            "email": world.emails[role],
            "role": role,
            "tokens": _log_in(system, world.emails[role], project if role == "end_user" else {}),
            "keys": keys if role == "end_user" else {},
        }
        for role in ROLES
    ]


def _log_in(system: System, email: str, headers: Mapping[str, str]) -> dict[str, Any]:
    login = {"email": email, "password": PASSWORD}
    answer = httpx.post(f"{system.base_url}/api/v1/auth/login", json=login, headers=headers).raise_for_status()
    tokens: dict[str, Any] = answer.json()
    return tokens
