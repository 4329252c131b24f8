"""Refusals of a gateway: a tier without configuration, and each kind of limit."""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import aiohttp
import pytest

from events.envelope import Cause
from tests.stores import OpenStore
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, PASSWORD, Answer, make_tenant

SETTINGS = {
    "EXEMPLAR_TIERS": '{"none": {"daily_requests": 0, "monthly": null, "concurrent": null}}',
    "EXEMPLAR_STREAM_PER_HOLDER": "1",
    "EXEMPLAR_TRUSTED_PROXIES": "127.0.0.0/8",
}


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("refusals"), databases, environ=SETTINGS) as system:
        system.base_url = system.start_gateway("first")
        yield system


def now() -> datetime:
    return datetime.now(UTC)


async def post(
    session: aiohttp.ClientSession, url: str, body: dict[str, str], headers: Mapping[str, str] | None = None
) -> Answer:
    async with session.post(url, json=body, headers=headers) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


async def test_a_tier_without_configuration_answers_503_and_is_logged(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    changes, by_operator = system_store.account_changes, Cause(actor="operator")
    await changes.change_tier(tenant.developer, "gold", cause=by_operator)
    registering = {"email": "new@example.com", "password": PASSWORD}
    keys = {name: tenant.headers[name] for name in ("X-Developer-Key", "X-Project-ID", "X-API-Key")}
    for answer in (
        await tenant.get(ONE),
        await tenant.submit(),
        await post(session, f"{system.base_url}/api/v1/auth/register", registering, keys),
    ):
        assert (answer.status, answer.body["code"]) == (503, "tier_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    warnings = [line for line in system.logged("first") if line["event"] == "tier_not_configured"]
    assert {line["tier"] for line in warnings} == {"gold"}
    await changes.change_tier(tenant.developer, "free_starter", cause=by_operator)
    assert (await tenant.submit()).status == 202


async def test_refusals_are_counted_in_the_log_and_not_stored(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "none")
    for _ in range(5):
        assert (await tenant.get(ONE)).status == 429
    assert await system_store.request_counts.taken(tenant.developer, now().strftime("%Y-%m-%d")) == 0
    wrong = {"email": "nobody@example.com", "password": "a guess"}
    here, there = ({"X-Forwarded-For": f"192.0.2.66, {address}"} for address in ("203.0.113.1", "203.0.113.2"))
    logins = [await post(session, f"{system.base_url}/api/v1/auth/login", wrong, here) for _ in range(12)]
    assert [answer.status for answer in logins] == [401] * 10 + [429] * 2
    assert (await post(session, f"{system.base_url}/api/v1/auth/login", wrong, there)).status == 401
    watcher = await make_tenant(system, session, "free_starter")
    own = f"{ONE}/{await watcher.accepted()}/events"
    stream = {"Authorization": watcher.headers["Authorization"], "Accept": "text/event-stream"}
    async with session.get(f"{system.base_url}{own}", headers=stream):
        assert (await watcher.get(own, Accept="text/event-stream")).body["code"] == "stream_limit_exceeded"
    await system.terminate("first")
    lines = [line for line in system.logged("first") if line["event"] == "requests_refused"]
    counted = {(line["tier"], line["code"]): line["count"] for line in lines}
    assert counted["none", "request_limit_exceeded"] == 5
    assert counted["-", "login_limit_exceeded"] == 2
    assert counted["free_starter", "stream_limit_exceeded"] == 1
    system.base_url = system.start_gateway("first")


async def test_the_daily_limit_does_not_block_account_protection(
    system: System, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "none")
    assert (await tenant.get(ONE)).status == 429

    defences: tuple[tuple[str, str, dict[str, str] | None], ...] = (
        ("DELETE", f"{ONE}/{uuid.uuid4()}", None),
        ("POST", "/api/v1/auth/password", {"current_password": "not this one", "new_password": "n" * 20}),
        ("POST", "/api/v1/auth/logout", {}),
    )
    for method, path, body in defences:
        url = system.base_url + path
        async with session.request(method, url, json=body, headers=tenant.headers) as answer:
            assert answer.status != 429, path
