"""Access that is revoked while a submission is being uploaded."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import pytest

from domain.accounts.quota import day_of
from store.quota.ledger import Account
from tests.systems.gateway_harness import GatewayHarness, Person, answered
from tests.systems.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

Revoke = Callable[[GatewayHarness, Person], Awaitable[None]]
BOUNDARY = "a boundary"
GENERATE = "/api/v1/generation/generate-v2"


def part(name: str, content: bytes) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'
    return head.encode() + content + b"\r\n"


async def called(gateway: GatewayHarness, method: str, path: str, person: Person) -> None:
    status, body = await gateway.call(method, path, person.owned_project.owner.token)
    assert status in (200, 204), body


async def delete_project(gateway: GatewayHarness, person: Person) -> None:
    await called(gateway, "DELETE", f"/api/v1/projects/{person.owned_project.id}", person)


async def delete_user(gateway: GatewayHarness, person: Person) -> None:
    await called(gateway, "DELETE", f"/api/v1/projects/{person.owned_project.id}/users/{person.id}", person)


async def revoke_project_key(gateway: GatewayHarness, person: Person) -> None:
    owned_project = person.owned_project
    await called(gateway, "DELETE", f"/api/v1/projects/{owned_project.id}/api-keys/{owned_project.key_id}", person)


async def revoke_developer_key(gateway: GatewayHarness, person: Person) -> None:
    await called(gateway, "DELETE", f"/api/v1/auth/developer-keys/{person.owned_project.owner.key_id}", person)


async def submitted_slowly(
    gateway: GatewayHarness, person: Person, meanwhile: Callable[[], Awaitable[None]]
) -> tuple[int, str | None]:
    """Send one part, await `meanwhile`, advance the clock, and send the rest."""

    async def body() -> AsyncIterator[bytes]:
        yield part("example_images", gateway.picture)
        await meanwhile()
        gateway.clock.ahead += timedelta(seconds=5)
        yield part("instructions", json.dumps({"prompt": "a cat"}).encode()) + f"--{BOUNDARY}--\r\n".encode()

    kind = {"Content-Type": f'multipart/form-data; boundary="{BOUNDARY}"'}
    answer = await gateway.client.post(GENERATE, data=body(), headers=person.headers | kind)
    status, response = await answered(answer)
    return status, response.get("code")


async def kept(gateway: GatewayHarness) -> list[int]:
    """Count the documents that a submission stores."""
    database = gateway.store.database
    return [await database[name].count_documents({}) for name in ("personal_data", "blobs", "generations")]


@pytest.mark.parametrize(
    ("revoke", "status", "code"),
    [
        (delete_project, 401, "invalid_credentials"),
        (delete_user, 401, "invalid_credentials"),
        (revoke_project_key, 403, "forbidden"),
        (revoke_developer_key, 403, "invalid_developer_key"),
    ],
)
async def test_access_revoked_during_an_upload_refuses_it_and_stores_nothing(
    gateway: GatewayHarness, revoke: Revoke, status: int, code: str
) -> None:
    owner = await gateway.owner("cloud_premium")
    person = await gateway.person(await gateway.owned_project(owner))

    async def meanwhile() -> None:
        """Wait until the request is authenticated and counted, then revoke."""
        today = day_of(gateway.clock())
        await until(lambda: gateway.store.request_counts.taken(owner.id, today), "the request is counted")
        await revoke(gateway, person)

    before = await kept(gateway)
    assert await submitted_slowly(gateway, person, meanwhile) == (status, code)
    assert await gateway.store.ledger.account(owner.id) == Account()
    assert await kept(gateway) == before


async def test_a_slow_upload_with_valid_access_is_accepted(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    status, _ = await submitted_slowly(gateway, person, lambda: asyncio.sleep(0))
    assert status == 202
