"""Login, refresh, me, logout."""

import asyncio
import zlib
from datetime import timedelta
from ipaddress import IPv4Address
from typing import Any

import pytest
from pymongo import MongoClient

from domain.accounts.access import Role
from gateway.auth.login_attempts import PER_ACCOUNT_AND_ADDRESS
from gateway.auth.sessions import TokenPair
from tests.systems.accounts_harness import UNKNOWN, AccountsHarness, Tenant, payload, refusal_of
from tests.systems.gateway import CAUSE, PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGIN, REFRESH, ME = "/api/v1/auth/login", "/api/v1/auth/refresh", "/api/v1/auth/me"
WRONG_LOGIN = 401, "Incorrect email or password"


def bearer(pair: TokenPair) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair.access_token}"}


def address_of(tenant: Tenant) -> str:
    """Return an IP address of its own for each user."""
    return str(IPv4Address(0x0A000000 + zlib.crc32(tenant.user_id.encode()) % 0xFFFFFF))


async def try_login(harness: AccountsHarness, tenant: Tenant, **changes: str | None) -> tuple[int, object]:
    sent = {"email": tenant.email, "password": PASSWORD, "project": tenant.project_id, **changes}
    headers = {"X-Forwarded-For": sent.get("address") or address_of(tenant)}
    if sent["project"] is not None:
        headers["X-Project-ID"] = sent["project"]
    body = {"email": sent["email"], "password": sent["password"]}
    answer = await harness.client.post(LOGIN, json=body, headers=headers)
    return (200, await answer.json()) if answer.status == 200 else await refusal_of(answer)


async def refresh(harness: AccountsHarness, token: str) -> TokenPair | tuple[int, object]:
    answer = await harness.client.post(REFRESH, json={"refresh_token": token})
    if answer.status != 200:
        return await refusal_of(answer)
    body = await answer.json()
    return TokenPair(body["access_token"], body["refresh_token"])


async def test_an_end_user_logs_in_and_reads_their_account(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    pair = await harness.login(tenant)
    answer = await harness.client.get(ME, headers=bearer(pair))
    me = await answer.json()
    assert me == {
        "id": tenant.user_id,
        "email": tenant.email,
        "full_name": None,
        "role": "end_user",
        "is_active": True,
        "created_at": me["created_at"],
        "project_id": tenant.project_id,
    }


async def test_a_developer_logs_in_without_a_project(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    status, body = await try_login(harness, tenant, email=tenant.developer_email.upper(), project=None)
    assert status == 200
    assert isinstance(body, dict)
    assert set(body) == {"access_token", "refresh_token", "token_type"}
    answer = await harness.client.get(ME, headers={"Authorization": f"Bearer {body['access_token']}"})
    me = await answer.json()
    assert (me["id"], me["role"], me["project_id"]) == (tenant.developer_id, "developer", None)


async def test_tokens_contain_the_claims_of_the_contract(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    pair = await harness.login(tenant)
    access, again = payload(pair.access_token), payload(pair.refresh_token)
    assert (access["type"], again["type"]) == ("access", "refresh")
    assert access["exp"] - access["iat"] == pytest.approx(30 * 60, abs=2)
    assert again["exp"] - again["iat"] == pytest.approx(7 * 86_400, abs=2)
    for said in (access, again):
        assert (said["sub"], said["role"], said["project_id"]) == (
            tenant.user_id,
            "end_user",
            tenant.project_id,
        )
    assert access["jti"] != again["jti"]


async def test_responses_with_tokens_are_not_cached(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    answer = await harness.client.post(
        LOGIN,
        json={"email": tenant.email, "password": PASSWORD},
        headers={"X-Project-ID": tenant.project_id},
    )
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "changes",
    [
        {"password": "wrong password"},
        {"password": PASSWORD.upper()},
        {"password": ""},
        {"email": "nobody@example.com"},
        {"project": None},
        {"project": "00000000-0000-4000-8000-000000000000"},
        {"project": "garden"},
    ],
)
async def test_every_wrong_login_gets_the_same_error(harness: AccountsHarness, changes: dict[str, str | None]) -> None:
    assert await try_login(harness, await harness.tenant(), **changes) == WRONG_LOGIN


async def test_a_developer_cannot_log_into_their_own_project(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    assert await try_login(harness, tenant, email=tenant.developer_email) == WRONG_LOGIN


async def test_a_login_into_a_deleted_project_is_refused(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    pair = await harness.login(tenant)
    await harness.changes.delete_project(tenant.developer_id, tenant.project_id, cause=CAUSE)
    assert await try_login(harness, tenant) == WRONG_LOGIN
    assert await refresh(harness, pair.refresh_token) == UNKNOWN
    assert await refusal_of(await harness.client.get(ME, headers=bearer(pair))) == UNKNOWN


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "a@example.com"}, "password"),
        ({"email": "no address", "password": "x"}, "email"),
        ({"email": 7, "password": "x"}, "email"),
        ({"email": None, "password": "x"}, "email"),
        ({"email": {"$gt": ""}, "password": "x"}, "email"),
        ({"email": "a" * 400 + "@example.com", "password": "x"}, "email"),
        ({"email": "a\ud800@example.com", "password": "x"}, "email"),
        ({"email": "a@example.com", "password": "x" * 129}, "password"),
        ({"email": "a@example.com", "password": ["x"]}, "password"),
        ({"email": "a@example.com", "password": "\ud800"}, "password"),
    ],
)
async def test_a_malformed_login_gets_422_with_the_wrong_field(
    harness: AccountsHarness, body: dict[str, object], field: str
) -> None:
    answer = await harness.client.post(LOGIN, json=body)
    status, detail = await refusal_of(answer)
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["body", field]
    assert set(detail[0]) == {"loc", "msg", "type"}


@pytest.mark.parametrize("body", ["", "{", "[]", "7", '"x"', "null", "\x00", "[" * 100_000])
async def test_a_body_that_is_not_an_object_gets_422(harness: AccountsHarness, body: str) -> None:
    status, detail = await refusal_of(await harness.client.post(LOGIN, data=body.encode()))
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["body"]


async def test_a_missing_field_gets_the_error_text_of_the_contract(harness: AccountsHarness) -> None:
    _, detail = await refusal_of(await harness.client.post(REFRESH, json={}))
    assert detail == [{"loc": ["body", "refresh_token"], "msg": "field required", "type": "value_error.missing"}]


async def test_too_many_attempts_are_refused_until_the_window_ends(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts):
        assert await try_login(harness, tenant, password="wrong password") == WRONG_LOGIN
    refused = await harness.client.post(
        LOGIN,
        json={"email": tenant.email, "password": PASSWORD},
        headers={"X-Project-ID": tenant.project_id, "X-Forwarded-For": address_of(tenant)},
    )
    body = await refused.json()
    assert (refused.status, body["code"]) == (429, "login_limit_exceeded")
    assert refused.headers["Retry-After"] == str(body["retry_after"])
    assert 0 < body["retry_after"] <= PER_ACCOUNT_AND_ADDRESS.window.total_seconds()
    assert (await try_login(harness, await harness.another_user_of(tenant)))[0] == 200
    harness.clock.ahead += timedelta(seconds=body["retry_after"])
    assert (await try_login(harness, tenant))[0] == 200


async def test_concurrent_attempts_above_the_limit_are_refused(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    tried = await asyncio.gather(*(try_login(harness, tenant, password="wrong password") for _ in range(30)))
    assert sum(one == WRONG_LOGIN for one in tried) == PER_ACCOUNT_AND_ADDRESS.attempts
    assert sum(one[0] == 429 for one in tried) == 30 - PER_ACCOUNT_AND_ADDRESS.attempts


async def test_a_successful_login_resets_the_attempt_counter(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    for _ in range(2):
        for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts - 1):
            await try_login(harness, tenant, password="wrong password")
        assert (await try_login(harness, tenant))[0] == 200


async def test_a_refreshed_session_stays_valid(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    first = await harness.login(tenant)
    second = await refresh(harness, first.refresh_token)
    assert isinstance(second, TokenPair)
    third = await refresh(harness, second.refresh_token)
    assert isinstance(third, TokenPair)
    for pair in (first, second, third):
        assert (await harness.client.get(ME, headers=bearer(pair))).status == 200


async def test_reusing_a_refresh_token_ends_its_session_only(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    first, other = await harness.login(tenant), await harness.login(tenant)
    second = await refresh(harness, first.refresh_token)
    assert isinstance(second, TokenPair)
    assert await refresh(harness, first.refresh_token) == UNKNOWN
    assert await refresh(harness, second.refresh_token) == UNKNOWN
    for pair in (first, second):
        assert await refusal_of(await harness.client.get(ME, headers=bearer(pair))) == UNKNOWN
    assert (await harness.client.get(ME, headers=bearer(other))).status == 200
    assert isinstance(await refresh(harness, other.refresh_token), TokenPair)


@pytest.mark.parametrize("kind", ["access token", "garbage", "empty", "of nobody", "of no session"])
async def test_an_invalid_refresh_token_is_refused(harness: AccountsHarness, kind: str) -> None:
    tenant = await harness.tenant()
    nobody = Tenant(**{**vars(tenant), "user_id": "00000000-0000-4000-8000-000000000000"})
    tokens = {
        "access token": (await harness.login(tenant)).access_token,
        "garbage": "garbage",
        "empty": "",
        "of nobody": harness.tokens.sign(harness.claims(nobody), "refresh"),
        "of no session": harness.tokens.sign(harness.claims(tenant), "refresh"),
    }
    assert await refresh(harness, tokens[kind]) == UNKNOWN


async def test_an_expired_refresh_token_is_refused(harness: AccountsHarness) -> None:
    pair = await harness.login(await harness.tenant())
    harness.clock.ahead += timedelta(days=7, seconds=1)
    assert await refresh(harness, pair.refresh_token) == UNKNOWN


async def test_a_logout_revokes_all_tokens_of_the_session(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    pair, other = await harness.login(tenant), await harness.login(tenant)
    assert (await harness.client.post("/api/v1/auth/logout", headers=bearer(pair))).status == 204
    assert await refusal_of(await harness.client.get(ME, headers=bearer(pair))) == UNKNOWN
    assert await refusal_of(await harness.client.get("/read", headers=bearer(pair))) == UNKNOWN
    assert await refresh(harness, pair.refresh_token) == UNKNOWN
    assert (await harness.client.get(ME, headers=bearer(other))).status == 200


@pytest.mark.parametrize("by", ["logout", "a refresh token used twice"])
async def test_an_ended_session_is_refused_also_after_its_record_has_expired(
    harness: AccountsHarness, module_database: str, by: str
) -> None:
    tenant = await harness.tenant()
    pair = await harness.login(tenant)
    newest = await refresh(harness, pair.refresh_token)
    assert isinstance(newest, TokenPair)
    if by == "logout":
        assert (await harness.client.post("/api/v1/auth/logout", headers=bearer(newest))).status == 204
    else:
        assert await refresh(harness, pair.refresh_token) == UNKNOWN
    with MongoClient[dict[str, Any]](module_database, tz_aware=True) as client:
        user = client.get_default_database()["users"].find_one({"_id": tenant.user_id})
    assert user is not None
    [mark] = user["ended_sessions"]
    lives = timedelta(minutes=30)
    assert lives <= mark["until"] - harness.clock() + timedelta(seconds=30) <= lives + timedelta(minutes=2)
    harness.clock.ahead += timedelta(minutes=29)
    assert await refusal_of(await harness.client.get(ME, headers=bearer(newest))) == UNKNOWN
    harness.clock.ahead += timedelta(minutes=5)
    for token in (pair.refresh_token, newest.refresh_token):
        assert await refresh(harness, token) == UNKNOWN


async def test_a_developer_can_log_out(harness: AccountsHarness) -> None:
    headers = harness.as_developer(await harness.tenant())
    assert (await harness.client.get("/api/v1/projects", headers=headers)).status == 200
    assert (await harness.client.post("/api/v1/auth/logout", headers=headers)).status == 204
    assert await refusal_of(await harness.client.get("/api/v1/projects", headers=headers)) == UNKNOWN


@pytest.mark.parametrize("role", [Role.PLATFORM_OPERATOR, Role.AUDITOR])
async def test_a_token_of_unknown_staff_is_refused(harness: AccountsHarness, role: Role) -> None:
    token = harness.access_token(await harness.tenant(), role)
    answer = await harness.client.get(ME, headers={"Authorization": f"Bearer {token}"})
    assert await refusal_of(answer) == UNKNOWN
