from collections.abc import Iterator

import httpx
import pytest
from openai import OpenAI

from tests.systems.account import Account
from tests.systems.system import System


@pytest.fixture
def keys(account: Account) -> dict[str, str]:
    return {
        "X-User-Role": "end_user",
        "X-Developer-Key": account.developer_key,
        "X-Project-ID": account.project_id,
        "X-API-Key": account.api_key,
    }


@pytest.fixture
def secret(solo: System, account: Account) -> str:
    """The secret of one end user."""
    login = {"email": account.email, "password": account.password}
    headers = {"X-Project-ID": account.project_id}
    answer = httpx.post(f"{solo.base_url}/api/v1/auth/login", json=login, headers=headers)
    return str(answer.json()["access_token"])


@pytest.fixture
def openai(solo: System, secret: str, keys: dict[str, str]) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{solo.base_url}/v1", api_key=secret, default_headers=keys, max_retries=2) as client:
        yield client
