"""Limit headers on refused requests: the developer is known from the token."""

from collections.abc import Iterator, Mapping
from uuid import uuid4

import aiohttp
import pytest

from tests.store.quota.test_running_system import developer_of
from tests.stores import OpenStore
from tests.systems.databases import Databases
from tests.systems.system import System, opened_system
from tests.systems.tenants import ONE, PASSWORD, SUBMIT, Answer, Tenant, make_tenant

DEVELOPERS = "/api/v1/developers"
KEYS = "/api/v1/auth/developer-keys"
TIERS = '{"tiny": {"daily_requests": 4}}'


@pytest.fixture(scope="module")
def system(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with opened_system(tmp_path_factory.mktemp("known"), databases, environ={"EXEMPLAR_TIERS": TIERS}) as system:
        system.base_url = system.start_gateway("first")
        yield system


async def ask(
    tenant: Tenant,
    method: str,
    path: str,
    token: Mapping[str, str],
    body: Mapping[str, str] | None = None,
    role: Mapping[str, str] | None = None,
) -> Answer:
    url = tenant.base_url + path
    async with tenant.session.request(method, url, headers={**token, **(role or {})}, json=body) as answer:
        return Answer(answer.status, answer.headers, await answer.read())


def token_of(tenant: Tenant) -> dict[str, str]:
    return {"Authorization": tenant.headers["Authorization"]}


def limit_headers(answer: Answer) -> list[str]:
    return [name for name in answer.headers if "ratelimit" in name.lower()]


async def test_refused_requests_of_a_known_developer_carry_limits_and_are_counted(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    user, developer = token_of(tenant), await developer_of(tenant, system_store)
    wrong = {"X-User-Role": "auditor"}
    answers = [
        await ask(tenant, "GET", KEYS, user),
        await ask(tenant, "GET", DEVELOPERS, user),
        await ask(tenant, "GET", ONE, user, role=wrong),
        await ask(tenant, "POST", SUBMIT, user),
        await ask(tenant, "GET", "/api/v1/auth/me", user, role=wrong),
        await ask(tenant, "GET", ONE, developer),
        await ask(tenant, "GET", DEVELOPERS, developer),
        await ask(tenant, "GET", KEYS, developer, role=wrong),
        await ask(tenant, "GET", "/api/v1/nowhere", user),
        await ask(tenant, "GET", "/nowhere", developer),
        await ask(tenant, "POST", ONE, user),
        await ask(tenant, "PATCH", KEYS, developer),
    ]
    assert [answer.status for answer in answers] == [403] * 8 + [404] * 2 + [405] * 2
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers]
    assert left == [1000 - number for number in range(1, 13)]
    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == "1000"
        assert answer.headers["RateLimit"].startswith('"monthly";r=100;t=')


async def test_unauthenticated_requests_get_no_limit_headers(system: System, session: aiohttp.ClientSession) -> None:
    tenant = await make_tenant(system, session, "free_starter")
    token = token_of(tenant)
    assert (await ask(tenant, "POST", "/api/v1/auth/logout", token)).status == 204
    answers = [
        await ask(tenant, "GET", path, sent)
        for path in ("/api/v1/nowhere", KEYS)
        for sent in ({}, {"Authorization": "Bearer nonsense"}, token)
    ]
    assert [answer.status for answer in answers] == [404, 404, 404, 401, 401, 403]
    assert not [name for answer in answers for name in limit_headers(answer)]


async def test_beyond_the_daily_limit_only_account_protection_passes(
    system: System, system_store: OpenStore, session: aiohttp.ClientSession
) -> None:
    tenant = await make_tenant(system, session, "tiny")
    user, developer = token_of(tenant), await developer_of(tenant, system_store)
    users = f"/api/v1/projects/{tenant.project}/users/{uuid4()}"
    for _ in range(4):
        assert (await ask(tenant, "GET", f"{ONE}/unknown", user)).status == 404
    assert (await ask(tenant, "GET", f"{ONE}/unknown", user)).status == 429

    refused = [
        await ask(tenant, "GET", f"{ONE}/password", user),
        await ask(tenant, "GET", f"{ONE}/logout", user),
        await ask(tenant, "PUT", f"/api/v1/projects/{tenant.project}", developer, {"name": "Renamed"}),
    ]
    assert [answer.status for answer in refused] == [429] * 3
    forbidden = await ask(tenant, "GET", KEYS, user)
    assert (forbidden.status, forbidden.headers["X-RateLimit-Remaining"]) == (403, "0")

    change = {"current_password": PASSWORD, "new_password": f"{PASSWORD} changed"}
    passing = [
        await ask(tenant, "PUT", f"{users}/password", developer, {"new_password": PASSWORD}),
        await ask(tenant, "DELETE", users, developer),
        await ask(tenant, "DELETE", f"{KEYS}/{uuid4()}", developer),
        await ask(tenant, "POST", "/api/v1/auth/password", user, change),
        await ask(tenant, "POST", "/api/v1/auth/logout", user),
    ]
    assert [answer.status for answer in passing] == [404, 404, 404, 204, 204]
