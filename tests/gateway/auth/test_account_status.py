"""How often a request reads its account from the store."""

from collections import Counter
from typing import Any

import pytest

from tests.systems.gateway import PASSWORD
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME, USAGE, PASSWORDS, LOGOUT = (
    "/api/v1/auth/me",
    "/api/v1/usage",
    "/api/v1/auth/password",
    "/api/v1/auth/logout",
)


@pytest.fixture
def reads(gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the reads of an end user's tenancy and of a developer."""
    count = Counter[str]()
    accounts = gateway.store.accounts
    credentials, developer_state = accounts.credentials, accounts.developer_state

    async def counted_credentials(named: Any) -> Any:
        count["tenancy"] += 1
        return await credentials(named)

    async def counted_state(developer_id: str) -> Any:
        count["developer"] += 1
        return await developer_state(developer_id)

    monkeypatch.setattr(accounts, "credentials", counted_credentials)
    monkeypatch.setattr(accounts, "developer_state", counted_state)
    return count


@pytest.mark.parametrize(
    ("method", "path", "body", "expected"),
    [
        ("GET", USAGE, None, 1),
        ("GET", ME, None, 1),
        ("POST", LOGOUT, None, 1),
        # Verifying the password takes long, so the account is read again.
        ("POST", PASSWORDS, {"current_password": PASSWORD, "new_password": "battery staple horse"}, 2),
        ("DELETE", ME, {"password": PASSWORD}, 1),
    ],
)
async def test_an_end_user_is_read_from_the_store_once_per_request(
    gateway: GatewayHarness, reads: Counter[str], method: str, path: str, body: Any, expected: int
) -> None:
    person = await gateway.person()
    status, _ = await gateway.call(method, path, person.token, body)
    assert status in (200, 204)
    assert reads == {"tenancy": expected}


@pytest.mark.parametrize("path", [USAGE, ME])
async def test_a_developer_is_read_from_the_store_once_per_request(
    gateway: GatewayHarness, reads: Counter[str], path: str
) -> None:
    owner = await gateway.owner()
    assert (await gateway.get(path, owner.token))[0] == 200
    assert reads == {"developer": 1}
