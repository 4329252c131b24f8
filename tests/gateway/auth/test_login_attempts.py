"""Limits on password guesses: from one address, at one account, and from known addresses."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from domain.accounts.keys import Peppers
from domain.accounts.passwords import Passwords
from gateway.auth import login_attempts
from tests.systems.accounts_harness import AccountsHarness, Tenant
from tests.systems.gateway import PASSWORD, PEPPER

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGIN = "/api/v1/auth/login"
WRONG = "a guess"


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow a fifth of the attempts, so that few logins reach a limit."""
    for name in ("PER_ACCOUNT_AND_ADDRESS", "PER_ADDRESS", "PER_ACCOUNT"):
        limit = getattr(login_attempts, name)
        monkeypatch.setattr(login_attempts, name, replace(limit, attempts=limit.attempts // 5))


async def log_in(
    harness: AccountsHarness, address: str, tenant: Tenant, password: str = PASSWORD, email: str = ""
) -> tuple[int, Any]:
    sent = {"email": email or tenant.email, "password": password}
    headers = {"X-Project-ID": tenant.project_id, "X-Forwarded-For": address}
    answer = await harness.client.post(LOGIN, json=sent, headers=headers)
    return answer.status, await answer.json()


async def guess_from_one_address(harness: AccountsHarness, address: str, tenant: Tenant) -> None:
    """Guess at accounts from one address until it is refused for every account."""
    for number in range(login_attempts.PER_ADDRESS.attempts):
        status, _ = await log_in(harness, address, tenant, WRONG, f"somebody{number}@example.com")
        assert status == 401


async def guess_from_many_addresses(harness: AccountsHarness, network: int, tenant: Tenant, *, email: str = "") -> None:
    """Guess at one account from many addresses until it is refused from all of them."""
    for number in range(login_attempts.PER_ACCOUNT.attempts):
        address = f"198.{network}.{2 * number // login_attempts.PER_ACCOUNT_AND_ADDRESS.attempts}.1"
        assert (await log_in(harness, address, tenant, WRONG, email))[0] == 401


async def test_many_failed_logins_from_one_address_refuse_that_address(
    harness: AccountsHarness,
) -> None:
    tenant = await harness.tenant()
    await guess_from_one_address(harness, "203.0.113.1", tenant)
    status, body = await log_in(harness, "203.0.113.1", tenant)
    assert (status, body["code"]) == (429, "login_limit_exceeded")
    assert 0 < body["retry_after"] <= login_attempts.PER_ADDRESS.window.total_seconds()
    assert (await log_in(harness, "203.0.113.2", tenant))[0] == 200
    harness.clock.ahead += timedelta(seconds=body["retry_after"])
    assert (await log_in(harness, "203.0.113.1", tenant))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_all_addresses_of_one_ipv6_network_count_as_one(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    for number in range(login_attempts.PER_ADDRESS.attempts):
        email, address = f"somebody{number}@example.com", f"2001:db8:1:2::{number:x}"
        assert (await log_in(harness, address, tenant, WRONG, email))[0] == 401
    assert (await log_in(harness, "2001:db8:1:2:ffff::1", tenant))[0] == 429
    assert (await log_in(harness, "2001:db8:1:3::1", tenant))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_a_known_address_of_a_user_is_admitted_while_others_fail_from_it(
    harness: AccountsHarness,
) -> None:
    tenant = await harness.tenant()
    assert (await log_in(harness, "203.0.113.10", tenant))[0] == 200
    await guess_from_one_address(harness, "203.0.113.10", tenant)
    assert (await log_in(harness, "203.0.113.10", await harness.another_user_of(tenant)))[0] == 429
    assert (await log_in(harness, "203.0.113.10", tenant))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_successful_logins_are_not_counted(harness: AccountsHarness) -> None:
    """One server may log many users in from one address."""
    tenant = await harness.tenant()
    for _ in range(2):
        for number in range(login_attempts.PER_ADDRESS.attempts // 2 - 1):
            await log_in(harness, "203.0.113.20", tenant, WRONG, f"somebody{number}@example.com")
        assert (await log_in(harness, "203.0.113.20", await harness.another_user_of(tenant)))[0] == 200
    for _ in range(3):
        assert (await log_in(harness, "203.0.113.20", await harness.another_user_of(tenant)))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_guesses_from_many_addresses_are_refused_for_a_bounded_time(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    await guess_from_many_addresses(harness, 18, tenant)
    status, body = await log_in(harness, "192.0.2.1", tenant)
    assert (status, body["code"]) == (429, "login_limit_exceeded")
    assert 0 < body["retry_after"] <= login_attempts.PER_ACCOUNT.window.total_seconds()
    assert (await log_in(harness, "192.0.2.1", await harness.another_user_of(tenant)))[0] == 200
    harness.clock.ahead += timedelta(seconds=body["retry_after"])
    assert (await log_in(harness, "192.0.2.1", tenant))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_a_user_is_not_locked_out_of_a_known_address(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    assert (await log_in(harness, "192.0.2.10", tenant))[0] == 200
    await guess_from_many_addresses(harness, 19, tenant)
    assert (await log_in(harness, "192.0.2.11", tenant))[0] == 429
    assert (await log_in(harness, "192.0.2.10", tenant, WRONG))[0] == 401
    assert (await log_in(harness, "192.0.2.10", tenant))[0] == 200


async def test_attempts_from_a_known_address_are_limited_too(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    assert (await log_in(harness, "192.0.2.20", tenant))[0] == 200
    tried = [
        (await log_in(harness, "192.0.2.20", tenant, WRONG))[0]
        for _ in range(login_attempts.PER_ACCOUNT_AND_ADDRESS.attempts + 2)
    ]
    assert tried == [401] * login_attempts.PER_ACCOUNT_AND_ADDRESS.attempts + [429] * 2


async def test_an_account_allows_more_attempts_than_one_address_has() -> None:
    alone, account = login_attempts.PER_ACCOUNT_AND_ADDRESS, login_attempts.PER_ACCOUNT
    assert account.attempts > alone.attempts * (account.window / alone.window)


@pytest.mark.usefixtures("small_limits")
async def test_one_address_alone_does_not_lock_an_account_elsewhere(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    passed = timedelta()
    while passed < login_attempts.PER_ACCOUNT.window:
        for _ in range(login_attempts.PER_ACCOUNT_AND_ADDRESS.attempts + 3):
            await log_in(harness, "203.0.113.30", tenant, WRONG)
        harness.clock.ahead += login_attempts.PER_ACCOUNT_AND_ADDRESS.window
        passed += login_attempts.PER_ACCOUNT_AND_ADDRESS.window
    assert (await log_in(harness, "192.0.2.30", tenant))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_accounts_that_do_not_exist_are_refused_alike(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    await guess_from_many_addresses(harness, 51, tenant, email="nobody@example.com")
    status, body = await log_in(harness, "192.0.2.40", tenant, email="nobody@example.com")
    assert (status, body["code"]) == (429, "login_limit_exceeded")


async def test_a_login_without_hashing_capacity_gets_503_and_is_not_counted(harness: AccountsHarness) -> None:
    """For an account that does not exist the gateway hashes by its own settings, which are slow here."""
    tenant, email = await harness.tenant(), "nobody45@example.com"
    slow = Passwords(memory_kib=65_536, passes=8, at_once=1, queue=0)
    async with harness.another_gateway(passwords=slow) as crowded:
        tries = (
            log_in(crowded, "192.0.2.45", tenant, WRONG, email)
            for _ in range(login_attempts.PER_ACCOUNT_AND_ADDRESS.attempts)
        )
        answers = await asyncio.gather(*tries)
    busy = [body["code"] for status, body in answers if status == 503]
    assert busy
    assert set(busy) == {"server_busy"}
    counted = sum(status == 401 for status, _ in answers)
    while (await log_in(harness, "192.0.2.45", tenant, WRONG, email))[0] == 401:
        counted += 1
    assert counted == login_attempts.PER_ACCOUNT_AND_ADDRESS.attempts


async def test_counters_and_known_addresses_expire_and_hold_no_personal_data(
    harness: AccountsHarness, module_database: str
) -> None:
    tenant = await harness.tenant()
    await log_in(harness, "192.0.2.50", tenant)
    await log_in(harness, "192.0.2.51", tenant, WRONG)
    client = MongoClient[dict[str, Any]](module_database)
    attempts = client.get_default_database()["login_attempts"]
    kept = list(attempts.find({}))
    assert all("until" in one for one in kept)
    assert not [one for one in kept if tenant.email in str(one) or "192.0.2.5" in str(one)]
    assert attempts.index_information()["until_1"]["expireAfterSeconds"] == 0
    assert attempts.count_documents({"subject": tenant.user_id}) == 1
    await harness.accounts.sessions.delete_subject(tenant.user_id)
    assert attempts.count_documents({"subject": tenant.user_id}) == 0
    client.close()


async def test_counter_names_are_keyed_with_the_pepper(harness: AccountsHarness, module_database: str) -> None:
    """Other peppers name the same account and address differently."""
    tenant, address = await harness.tenant(), "192.0.2.55"
    with MongoClient[dict[str, Any]](module_database) as client:
        attempts = client.get_default_database()["login_attempts"]
        for peppers, known in (
            (harness.peppers, 1),
            (Peppers({2: "q" * 32, 1: PEPPER}, chosen=1), 1),
            (Peppers({2: "q" * 32}), 2),
        ):
            async with harness.another_gateway(peppers=peppers) as other:
                assert (await log_in(other, address, tenant))[0] == 200
            assert attempts.count_documents({"subject": tenant.user_id}) == known


@pytest.mark.usefixtures("small_limits")
async def test_an_address_stays_known_when_the_pepper_is_rotated(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    assert (await log_in(harness, "192.0.2.56", tenant))[0] == 200
    async with harness.another_gateway(peppers=Peppers({1: PEPPER, 2: "q" * 32})) as rotated:
        await guess_from_many_addresses(rotated, 54, tenant)
        assert (await log_in(rotated, "192.0.2.57", tenant))[0] == 429
        assert (await log_in(rotated, "192.0.2.56", tenant))[0] == 200


@pytest.mark.usefixtures("small_limits")
async def test_an_address_unused_for_long_is_forgotten(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    assert (await log_in(harness, "192.0.2.60", tenant))[0] == 200
    harness.clock.ahead += login_attempts.KNOWN_FOR
    await guess_from_many_addresses(harness, 53, tenant)
    assert (await log_in(harness, "192.0.2.60", tenant))[0] == 429
