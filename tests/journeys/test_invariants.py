"""The invariants hold of a system of several processes while it is under load, and some of its work fails."""

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

from domain.accounts.access import Role
from domain.accounts.passwords import Passwords
from store.accounts.writes import NewPerson
from tests.systems.databases import Databases
from tests.systems.sandbox_client import SandboxClient
from tests.systems.servers import RabbitServer
from tests.systems.system import System, opened_system
from tests.systems.tenants import CAUSE, PASSWORD, Tenant, make_tenant

FAULTS: tuple[dict[str, object], ...] = (
    {},
    {"outcome": "failed"},
    {"create": "429", "retry_after": 1},
    {"latency_s": 1},
    {"webhook": "lost"},
)
RUNS = 2


@pytest.fixture(scope="module")
def system(
    databases: Databases, rabbit_server: RabbitServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[System]:
    """A system of its own, in which nothing was paid twice on purpose."""
    host = f"invariants-{uuid.uuid4().hex[:8]}"
    rabbit_server.create(host)
    with opened_system(tmp_path_factory.mktemp("invariants"), databases, rabbit_server.url_of(host)) as system:
        system.start()
        yield system
    rabbit_server.delete(host)


@pytest.fixture
async def auditor(system: System, session: aiohttp.ClientSession) -> dict[str, str]:
    email = f"{secrets.token_hex(6)}@auditors.example"
    person = NewPerson(email, await Passwords(memory_kib=1024, passes=1).hash(PASSWORD))
    async with system.open_store() as store:
        await store.platform_changes.create_staff(person, Role.AUDITOR, cause=CAUSE)
    login = {"email": email, "password": PASSWORD}
    async with session.post(f"{system.base_url}/api/v1/auth/login", json=login) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}


async def load(tenant: Tenant, sandbox: SandboxClient) -> None:
    """Submit generations without end, each kind of fault in turn, and cancel some."""
    number = 0
    while True:
        await sandbox.arm(times=1, **FAULTS[number % len(FAULTS)])
        generation = await tenant.accepted()
        if number % 7 == 3:
            url = f"{tenant.base_url}/api/v1/generation/generations-v2/{generation}"
            async with tenant.session.delete(url, headers=tenant.headers):
                pass
        number += 1
        await asyncio.sleep(0.5)


async def reports(system: System, session: aiohttp.ClientSession, auditor: dict[str, str]) -> AsyncIterator[Any]:
    """Read the report of each run, one after the other."""
    headers, last = {**auditor, "Prefer": "wait=10"}, None
    while True:
        async with session.get(f"{system.base_url}/api/v1/audit/invariants", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            report = (await answer.json())["report"]
        if report != last:
            last = report
            yield report


@pytest.mark.timeout(300)  # each run leaves half of the time to the load that it reads
async def test_the_invariants_hold_under_load(
    system: System, session: aiohttp.ClientSession, auditor: dict[str, str]
) -> None:
    tenant = await make_tenant(system, session, "internal")
    loading = asyncio.create_task(load(tenant, SandboxClient(system.sandbox_url, session)))
    seen = list[Any]()
    async for report in reports(system, session, auditor):
        assert report["ok"], [one for one in report["invariants"] if not one["ok"]]
        seen.append(report)
        if len(seen) == RUNS:
            break
    assert not loading.done()
    loading.cancel()
    positions = [report["position"] for report in seen]
    assert positions == sorted(set(positions)), "each run saw a longer log"
    checked = {one["name"]: one["checked"] for one in seen[-1]["invariants"]}
    assert checked["one_final_event"] >= 10
    assert all(checked.values()), checked
