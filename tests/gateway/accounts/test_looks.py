"""A request asks the store once who sends it; only where time has passed since, once more."""

from collections import Counter
from typing import Any

import pytest

from tests.gateway.accounts.gateway_harness import PASSWORD, GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")

ME, USAGE, PASSWORDS, LOGOUT = (
    "/api/v1/auth/me",
    "/api/v1/usage",
    "/api/v1/auth/password",
    "/api/v1/auth/logout",
)


@pytest.fixture
def looks(gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count how often the store is asked for an end user's tenancy and for a developer."""
    count = Counter[str]()
    accounts = gateway.store.accounts
    credentials, developer_state = accounts.credentials, accounts.developer_state

    async def counted_credentials(*names: Any, **hashes: Any) -> Any:
        count["tenancy"] += 1
        return await credentials(*names, **hashes)

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
        # The password was proved in between, and that takes its time.
        ("POST", PASSWORDS, {"current_password": PASSWORD, "new_password": "battery staple horse"}, 2),
        ("DELETE", ME, {"password": PASSWORD}, 1),
    ],
)
async def test_an_end_user_is_read_from_the_store_once_per_request(
    gateway: GatewayHarness, looks: Counter[str], method: str, path: str, body: Any, expected: int
) -> None:
    person = await gateway.person()
    status, _ = await gateway.call(method, path, person.token, body)
    assert status in (200, 204)
    assert looks == {"tenancy": expected}


@pytest.mark.parametrize("path", [USAGE, ME])
async def test_a_developer_is_read_from_the_store_once_per_request(
    gateway: GatewayHarness, looks: Counter[str], path: str
) -> None:
    owner = await gateway.owner()
    assert (await gateway.get(path, owner.token))[0] == 200
    assert looks == {"developer": 1}
