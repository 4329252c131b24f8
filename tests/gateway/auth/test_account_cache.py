"""Revocation and the account cache: at once in the process of the change, within a second in any other."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

import pytest
import pytest_asyncio
from aiohttp import FormData, web
from aiohttp.test_utils import TestClient, TestServer

from exemplar.gateway_wiring import create_gateway
from gateway.auth.sessions import Sessions
from store.accounts.account_cache import AccountCache
from store.accounts.accounts import Accounts
from store.accounts.writes import NewPassword
from tests.builders.clock import Monotonic
from tests.systems.documented import documented
from tests.systems.gateway import CAUSE, gateway_dependencies
from tests.systems.gateway_harness import GatewayHarness, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATE, USAGE = "/api/v1/generation/generate-v2", "/api/v1/usage"
GatewayClient = TestClient[web.Request, web.Application]
Call = Callable[[GatewayClient, GatewayHarness, Person], Awaitable[int]]
ACCESS_KEYS: dict[str, tuple[str, dict[str, str]]] = {}
"""The access keys of persons: id and header."""
Change = Callable[[GatewayHarness, Person], Awaitable[None]]


async def submit(client: GatewayClient, gateway: GatewayHarness, person: Person) -> int:
    form = FormData()
    form.add_field("example_images", gateway.picture, filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a cat"}))
    return (await answered(await client.post(GENERATE, data=form, headers=person.headers)))[0]


async def read(client: GatewayClient, _: GatewayHarness, person: Person) -> int:
    return (await answered(await client.get(USAGE, headers=person.headers)))[0]


async def read_as_developer(client: GatewayClient, _: GatewayHarness, person: Person) -> int:
    return (await answered(await client.get(USAGE, headers=person.owned_project.owner.token)))[0]


async def log_out(gateway: GatewayHarness, person: Person) -> None:
    claims = gateway.tokens.verify(person.token["Authorization"].partition(" ")[2], "access")
    await Sessions(gateway.store.accounts, gateway.tokens).end(claims)


async def revoke_api_key(gateway: GatewayHarness, person: Person) -> None:
    project = person.owned_project
    await gateway.changes.revoke_key(project.owner.id, project.key_id, project.id, cause=CAUSE)


async def submit_by_key(client: GatewayClient, gateway: GatewayHarness, person: Person) -> int:
    return await submit(client, gateway, replace(person, headers=await access_key_of(gateway, person)))


async def read_by_key(client: GatewayClient, gateway: GatewayHarness, person: Person) -> int:
    headers = await access_key_of(gateway, person)
    return (await answered(await client.get(USAGE, headers=headers)))[0]


async def access_key_of(gateway: GatewayHarness, person: Person) -> dict[str, str]:
    """Return the header of the person's access key, which is made when it is first asked for."""
    if person.id not in ACCESS_KEYS:
        ACCESS_KEYS[person.id] = await gateway.access_key(person)
    return ACCESS_KEYS[person.id][1]


async def revoke_access_key(gateway: GatewayHarness, person: Person) -> None:
    await gateway.changes.access_keys.revoke(person.owner, ACCESS_KEYS[person.id][0], cause=CAUSE)


async def revoke_developer_key(gateway: GatewayHarness, person: Person) -> None:
    owner = person.owned_project.owner
    await gateway.changes.revoke_key(owner.id, owner.key_id, cause=CAUSE)


async def delete_user(gateway: GatewayHarness, person: Person) -> None:
    project = person.owned_project
    await gateway.changes.delete_user(project.owner.id, project.id, person.id, cause=CAUSE)


async def delete_project(gateway: GatewayHarness, person: Person) -> None:
    project = person.owned_project
    await gateway.changes.delete_project(project.owner.id, project.id, cause=CAUSE)


async def reset_password(gateway: GatewayHarness, person: Person) -> None:
    project = person.owned_project
    await gateway.changes.set_user_password(project.owner.id, project.id, person.id, NewPassword("hash"), cause=CAUSE)


async def reset_developer(gateway: GatewayHarness, person: Person) -> None:
    await gateway.changes.set_developer_password(person.owned_project.owner.id, NewPassword("hash"), cause=CAUSE)


REVOCATIONS = [
    (read, log_out, 401),
    (submit, log_out, 401),
    (submit, revoke_api_key, 403),
    (submit, revoke_developer_key, 403),
    (submit_by_key, revoke_access_key, 401),
    (read_by_key, revoke_access_key, 401),
    (submit_by_key, delete_user, 401),
    (read_by_key, delete_project, 401),
    (read, revoke_api_key, 403),
    (submit, delete_user, 401),
    (submit, delete_project, 401),
    (read, delete_project, 401),
    (submit, reset_password, 401),
    (read_as_developer, reset_developer, 401),
]


@dataclass
class OtherGateway:
    """A gateway with an account cache of its own, as another process has it, and that cache's clock."""

    client: GatewayClient
    monotonic: Monotonic


@pytest_asyncio.fixture(loop_scope="module")
async def other(gateway: GatewayHarness) -> AsyncIterator[OtherGateway]:
    monotonic = Monotonic()
    cache = AccountCache(monotonic)
    accounts = Accounts(gateway.store.database, gateway.clock, cache)
    dependencies = gateway_dependencies(gateway.store, gateway.clock, accounts=accounts, account_cache=cache)
    async with TestClient(TestServer(documented(create_gateway(dependencies)))) as client:
        yield OtherGateway(client, monotonic)
    await accounts.settle()


@pytest.mark.parametrize(("call", "revoke", "refused"), REVOCATIONS)
async def test_access_that_was_revoked_in_this_process_is_refused_at_once(
    gateway: GatewayHarness, call: Call, revoke: Change, refused: int
) -> None:
    person = await gateway.person()
    assert await call(gateway.client, gateway, person) in (200, 202)
    await revoke(gateway, person)
    assert await call(gateway.client, gateway, person) == refused


@pytest.mark.parametrize(("call", "revoke", "refused"), REVOCATIONS)
async def test_access_that_was_revoked_in_another_process_is_refused_after_a_second(
    gateway: GatewayHarness, other: OtherGateway, call: Call, revoke: Change, refused: int
) -> None:
    person = await gateway.person()
    assert await call(other.client, gateway, person) in (200, 202)
    await revoke(gateway, person)
    other.monotonic.now += 1.001
    assert await call(other.client, gateway, person) == refused


async def test_what_was_read_admits_requests_for_a_second_without_another_read(
    gateway: GatewayHarness, other: OtherGateway
) -> None:
    """The bound is what another process's revocation is seen by: the cache is in use."""
    person = await gateway.person()
    assert await submit(other.client, gateway, person) == 202
    await revoke_api_key(gateway, person)
    other.monotonic.now += 0.999
    assert await submit(other.client, gateway, person) == 202
    other.monotonic.now += 0.002
    assert await submit(other.client, gateway, person) == 403


async def test_a_request_is_never_refused_by_what_was_read_before(gateway: GatewayHarness, other: OtherGateway) -> None:
    person = await gateway.person()
    assert await read(other.client, gateway, person) == 200
    await reset_password(gateway, person)
    project = person.owned_project.id
    later = gateway.bearer(
        person.id, gateway.tokens.verify(person.token["Authorization"][7:], "access").role, project, 1
    )
    assert (await answered(await other.client.get(USAGE, headers=later)))[0] == 200


async def test_a_changed_tier_limits_at_once_here_and_after_a_second_elsewhere(
    gateway: GatewayHarness, other: OtherGateway
) -> None:
    person = await gateway.person(await gateway.owned_project(await gateway.owner("cloud_premium")))
    before = await limit(gateway.client, person)
    assert await limit(other.client, person) == before
    await gateway.changes.change_tier(person.owned_project.owner.id, "free_starter", cause=CAUSE)
    after = await limit(gateway.client, person)
    assert after != before
    other.monotonic.now += 1.001
    assert await limit(other.client, person) == after


async def limit(client: GatewayClient, person: Person) -> str:
    answer = await client.get(USAGE, headers=person.headers)
    assert answer.status == 200
    return answer.headers["RateLimit-Policy"]


async def test_a_request_that_changes_accounts_reads_the_store(gateway: GatewayHarness, other: OtherGateway) -> None:
    """A revoked login must not make a key that outlives it."""
    person = await gateway.person()
    assert await read_as_developer(other.client, gateway, person) == 200
    await reset_developer(gateway, person)
    owner = person.owned_project.owner
    made = await other.client.post("/api/v1/auth/developer-keys", json={}, headers=owner.token)
    assert made.status == 401
