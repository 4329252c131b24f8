"""Passwords, sessions and staff, over HTTP."""

import asyncio
import statistics
import time
from typing import Any

import pytest

from domain.accounts.access import Role
from domain.accounts.passwords import Passwords
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.login_attempts import PER_ACCOUNT_AND_ADDRESS
from store.accounts.writes import NewPassword, NewPerson, random_id
from tests.systems.gateway import CAUSE, OPERATOR_KEY, PASSWORD
from tests.systems.gateway_harness import GatewayHarness, Owner, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGIN, ME, PASSWORDS = "/api/v1/auth/login", "/api/v1/auth/me", "/api/v1/auth/password"
OTHER = "battery staple horse"
Tokens = dict[str, str]


async def login(gateway: GatewayHarness, account: Person | Owner, password: str = PASSWORD) -> tuple[int, Any]:
    headers = {"X-Project-ID": account.owned_project.id} if isinstance(account, Person) else {}
    return await gateway.call("POST", LOGIN, headers, {"email": account.email, "password": password})


async def session(gateway: GatewayHarness, account: Person | Owner, password: str = PASSWORD) -> tuple[Tokens, str]:
    """Log in; return the access token as a header and the refresh token."""
    status, body = await login(gateway, account, password)
    assert status == 200, body
    return {"Authorization": f"Bearer {body['access_token']}"}, body["refresh_token"]


async def is_valid(gateway: GatewayHarness, token: Tokens) -> bool:
    return (await gateway.get(ME, token))[0] == 200


async def can_refresh(gateway: GatewayHarness, refresh_token: str) -> bool:
    body = {"refresh_token": refresh_token}
    return (await gateway.call("POST", "/api/v1/auth/refresh", {}, body))[0] == 200


@pytest.mark.parametrize("kind", ["end user", "developer"])
async def test_a_password_change_ends_all_other_sessions(gateway: GatewayHarness, kind: str) -> None:
    person = await gateway.person()
    account = person if kind == "end user" else person.owned_project.owner
    (mine, my_refresh), (other, other_refresh) = (
        await session(gateway, account),
        await session(gateway, account),
    )
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await gateway.call("POST", PASSWORDS, mine, sent))[0] == 204
    assert await is_valid(gateway, mine)
    assert not await is_valid(gateway, other)
    assert not await can_refresh(gateway, other_refresh)
    assert await can_refresh(gateway, my_refresh)
    assert (await login(gateway, account))[0] == 401
    assert await is_valid(gateway, (await session(gateway, account, OTHER))[0])


async def test_a_password_change_with_an_outdated_hash_is_refused(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    proved = await gateway.store.accounts.password_hash(Role.END_USER, person.id, person.owned_project.id)
    assert proved is not None
    owner_ids = (person.owned_project.owner.id, person.owned_project.id, person.id)
    await gateway.changes.set_user_password(*owner_ids, NewPassword("reset", proved, "s"), cause=CAUSE)
    with pytest.raises(ExemplarError) as refusal:
        await gateway.changes.set_user_password(*owner_ids, NewPassword("intruder", proved, "s"), cause=CAUSE)
    assert refusal.value.code is ErrorCode.INVALID_CREDENTIALS
    kept = await gateway.store.accounts.password_hash(Role.END_USER, person.id, person.owned_project.id)
    assert kept == "reset"
    user = await gateway.store.database["users"].find_one({"_id": person.id})
    assert user is not None
    assert (user["epoch"], user["kept_session"]) == (1, "s")
    history = await gateway.changes.history(person.owned_project.owner.id)
    assert [event.type for event in history].count("developer.user_password_changed") == 1


async def test_a_number_of_thousands_of_digits_gets_422(gateway: GatewayHarness) -> None:
    status, _ = await gateway.call("POST", LOGIN, {}, {"email": "a@b.example", "password": 10**4000})
    assert status == 422


async def test_a_session_kept_by_one_change_ends_with_the_next(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    first, _ = await session(gateway, person)
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await gateway.call("POST", PASSWORDS, first, sent))[0] == 204
    second, _ = await session(gateway, person, OTHER)
    sent = {"current_password": OTHER, "new_password": PASSWORD}
    assert (await gateway.call("POST", PASSWORDS, second, sent))[0] == 204
    assert not await is_valid(gateway, first)
    assert await is_valid(gateway, second)


async def test_guesses_at_the_current_password_are_limited(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    sent = {"current_password": "a guess", "new_password": OTHER}
    for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts):
        status, body = await gateway.call("POST", PASSWORDS, person.token, sent)
        assert (status, body["detail"][0]["loc"]) == (422, ["body", "current_password"])
    status, body = await gateway.call("POST", PASSWORDS, person.token, sent)
    assert (status, body["code"]) == (429, "login_limit_exceeded")
    assert (await login(gateway, person))[0] == 200


@pytest.mark.parametrize("kind", ["end user", "developer"])
async def test_guesses_in_one_session_do_not_block_a_password_change_in_another(
    gateway: GatewayHarness, kind: str
) -> None:
    person = await gateway.person()
    account = person if kind == "end user" else person.owned_project.owner
    (stolen, _), (mine, _) = await session(gateway, account), await session(gateway, account)
    guess = {"current_password": "a guess", "new_password": OTHER}
    tried = [
        (await gateway.call("POST", PASSWORDS, stolen, guess))[0] for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts + 2)
    ]
    assert tried[-1] == 429
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await gateway.call("POST", PASSWORDS, mine, sent))[0] == 204
    assert not await is_valid(gateway, stolen)


async def test_a_refreshed_session_has_no_further_guesses(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    token, refresh = await session(gateway, person)
    guess = {"current_password": "a guess", "new_password": OTHER}
    for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts):
        assert (await gateway.call("POST", PASSWORDS, token, guess))[0] == 422
    _, body = await gateway.call("POST", "/api/v1/auth/refresh", {}, {"refresh_token": refresh})
    token = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await gateway.call("POST", PASSWORDS, token, guess))[0] == 429


async def test_a_developer_resets_the_password_of_a_user(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    token, refresh = await session(gateway, person)
    path = f"/api/v1/projects/{person.owned_project.id}/users/{person.id}/password"
    assert await gateway.call("PUT", path, person.owned_project.owner.token, {"password": OTHER}) == (
        204,
        b"",
    )
    assert not await is_valid(gateway, token)
    assert not await can_refresh(gateway, refresh)
    assert (await login(gateway, person))[0] == 401
    await session(gateway, person, OTHER)
    status, body = await gateway.call("PUT", path, person.owned_project.owner.token)
    assert status == 200
    await session(gateway, person, body["password"])


async def test_developers_are_listed_in_pages_newest_first(gateway: GatewayHarness) -> None:
    made = [(await gateway.owner()).id for _ in range(5)]
    operator = {"X-Operator-Key": OPERATOR_KEY}
    seen: list[str] = []
    for page in (1, 2, 3):
        status, body = await gateway.get(f"/api/v1/developers?page={page}&page_size=2", operator)
        assert (status, body["page"], body["page_size"]) == (200, page, 2)
        assert len(body["developers"]) == min(2, body["total"] - 2 * (page - 1))
        seen += [developer["id"] for developer in body["developers"]]
    assert seen[:5] == made[::-1]
    _, whole = await gateway.get("/api/v1/developers", operator)
    assert [developer["id"] for developer in whole["developers"]][:6] == seen
    assert (whole["page"], whole["page_size"]) == (1, 50)
    beyond = (await gateway.get("/api/v1/developers?page=1000", operator))[1]
    assert (beyond["developers"], beyond["total"]) == ([], whole["total"])
    for query in ("page=0", "page_size=101", "page=x", "page_size=1&page_size=2"):
        status, body = await gateway.get(f"/api/v1/developers?{query}", operator)
        assert (status, body["detail"][0]["loc"]) == (422, ["query", query.partition("=")[0]])


async def test_a_password_reset_with_an_unknown_field_changes_nothing(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, operator = person.owned_project.owner, {"X-Operator-Key": OPERATOR_KEY}
    for account, path, credentials in (
        (person, f"/api/v1/projects/{person.owned_project.id}/users/{person.id}/password", owner.token),
        (owner, f"/api/v1/developers/{owner.id}/password", operator),
    ):
        token, _ = await session(gateway, account)
        status, body = await gateway.call("PUT", path, credentials, {"pasword": OTHER})
        assert (status, body["detail"][0]["loc"]) == (422, ["body", "pasword"])
        assert await is_valid(gateway, token)
        assert (await login(gateway, account))[0] == 200


async def test_an_operator_resets_the_password_of_a_developer(gateway: GatewayHarness) -> None:
    owner = await gateway.owner()
    token, _ = await session(gateway, owner)
    path, operator = f"/api/v1/developers/{owner.id}/password", {"X-Operator-Key": OPERATOR_KEY}
    status, body = await gateway.call("PUT", path, operator)
    assert status == 200
    assert not await is_valid(gateway, token)
    await session(gateway, owner, body["password"])


async def test_an_invalid_body_gets_422_with_every_wrong_field(gateway: GatewayHarness) -> None:
    owned_project = (await gateway.person()).owned_project
    headers = {
        "X-Developer-Key": owned_project.owner.key,
        "X-Project-ID": owned_project.id,
        "X-API-Key": owned_project.key,
    }
    sent = {"email": "ada", "password": "short", "full_name": "x" * 256}
    status, body = await gateway.call("POST", "/api/v1/auth/register", headers, sent)
    assert (status, body["code"]) == (422, "invalid_request")
    assert [field["loc"] for field in body["detail"]] == [
        ["body", "email"],
        ["body", "password"],
        ["body", "full_name"],
    ]
    problem = {**headers, "Accept": "application/problem+json"}
    status, body = await gateway.call("POST", "/api/v1/auth/register", problem, sent)
    assert [field["loc"][-1] for field in body["errors"]] == ["email", "password", "full_name"]
    assert "body.password" in body["detail"]


async def test_a_hash_with_old_parameters_is_replaced_at_the_next_login(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    old = await Passwords(memory_kib=16, passes=3).hash(OTHER)
    ids = (person.owned_project.owner.id, person.owned_project.id, person.id)
    await gateway.changes.set_user_password(*ids, NewPassword(old), cause=CAUSE)
    kept = gateway.store.accounts.password_hash
    assert await kept(Role.END_USER, person.id, person.owned_project.id) == old
    token, _ = await session(gateway, person, OTHER)
    new = await kept(Role.END_USER, person.id, person.owned_project.id)
    assert new is not None
    assert "m=8,t=1" in new
    assert await is_valid(gateway, token)
    await session(gateway, person, OTHER)
    assert await kept(Role.END_USER, person.id, person.owned_project.id) == new


async def test_an_unknown_address_takes_as_long_as_a_wrong_password() -> None:
    passwords = Passwords(memory_kib=16_384, passes=1, at_once=1)
    kept = await passwords.hash(PASSWORD)

    async def seconds(kept: str | None) -> float:
        began = time.perf_counter()
        assert not await passwords.verify("wrong", kept)
        return time.perf_counter() - began

    known, unknown = [], []
    for _ in range(15):
        known.append(await seconds(kept))
        unknown.append(await seconds(None))
    assert 0.5 < statistics.median(known) / statistics.median(unknown) < 2


@pytest.mark.parametrize("role", [Role.PLATFORM_OPERATOR, Role.AUDITOR])
async def test_staff_can_log_in_change_their_password_and_log_out(gateway: GatewayHarness, role: Role) -> None:
    email, staff_id = f"{role.value}@platform.example", random_id()
    platform = gateway.store.platform_changes
    await platform.create_staff(NewPerson(email, gateway.password_hash, id=staff_id), role, cause=CAUSE)
    status, body = await gateway.call("POST", LOGIN, {}, {"email": email, "password": PASSWORD})
    assert status == 200
    token = {"Authorization": f"Bearer {body['access_token']}"}
    status, me = await gateway.get(ME, token)
    assert (status, me["role"], me["project_id"]) == (200, role.value, None)
    assert (await gateway.call("POST", PASSWORDS, token, {"current_password": PASSWORD, "new_password": OTHER}))[
        0
    ] == 204
    assert (await gateway.call("POST", "/api/v1/auth/logout", token))[0] == 204
    assert not await is_valid(gateway, token)
    await platform.delete_staff(staff_id, cause=CAUSE)
    assert not await can_refresh(gateway, body["refresh_token"])
    recorded = [event for event in await platform.history() if event.to_cloudevent()["data"]["staff"] == staff_id]
    assert [(event.type, event.cause.actor) for event in recorded] == [
        ("platform.staff_created", "operator"),
        ("platform.staff_password_changed", f"{role.value.removeprefix('platform_')}:{staff_id}"),
        ("platform.staff_deleted", "operator"),
    ]
    assert "@" not in str(recorded)


@pytest.mark.parametrize("kind", ["end user", "developer"])
async def test_a_password_change_is_recorded_without_the_password(gateway: GatewayHarness, kind: str) -> None:
    person = await gateway.person()
    owner = person.owned_project.owner
    account = person if kind == "end user" else owner
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await gateway.call("POST", PASSWORDS, account.token, sent))[0] == 204
    last = (await gateway.changes.history(owner.id))[-1].to_cloudevent()
    if kind == "end user":
        assert (last["type"], last["actor"]) == ("developer.user_password_changed", f"user:{person.id}")
        assert (last["data"]["project"], last["data"]["user"]) == (person.owned_project.id, person.id)
    else:
        assert (last["type"], last["actor"]) == ("developer.password_changed", f"developer:{owner.id}")
    assert OTHER not in str(last)
    assert "argon2" not in str(last)


async def test_operators_manage_accounts_and_auditors_only_read_histories(gateway: GatewayHarness) -> None:
    owner = await gateway.owner("free_starter")
    operator, auditor = await gateway.staff(Role.PLATFORM_OPERATOR), await gateway.staff(Role.AUDITOR)
    one = f"/api/v1/developers/{owner.id}"
    status, body = await gateway.call("PUT", f"{one}/tier", operator, {"tier": "cloud_starter"})
    assert (status, body["tier"]) == (200, "cloud_starter")
    status, body = await gateway.call("PUT", f"{one}/tier", operator, {"tier": "gold"})
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "tier"])
    for method, path in (("GET", "/api/v1/developers"), ("GET", one), ("PUT", f"{one}/tier")):
        assert (await gateway.call(method, path, auditor, {"tier": "internal"}))[0] == 403
        assert (await gateway.call(method, path, owner.token, {"tier": "internal"}))[0] == 403
    for token in (operator, auditor, {"X-Operator-Key": OPERATOR_KEY}):
        status, body = await gateway.get(f"{one}/history", token)
        assert status == 200
        assert [event["type"] for event in body["events"]] == [
            "developer.registered",
            "developer.key_created",
            "developer.tier_changed",
        ]
        assert body["events"][2]["data"] == {"previous": "free_starter", "tier": "cloud_starter"}
        assert body["events"][2]["actor"].startswith("operator:")
    assert (await gateway.get(f"{one}/history", owner.token))[0] == 403
    for path in ("/api/v1/projects", "/api/v1/generation/generations-v2", "/api/v1/auth/developer-keys"):
        assert (await gateway.get(path, auditor))[0] == 403


async def test_staff_have_one_of_two_roles(gateway: GatewayHarness) -> None:
    auditor = await gateway.staff(Role.AUDITOR)
    assert (await gateway.get("/api/v1/developers", {**auditor, "X-User-Role": "platform_operator"}))[0] == 403
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    assert (await gateway.get("/api/v1/developers", {**operator, "X-User-Role": "auditor"}))[0] == 403
    assert (await gateway.get("/api/v1/developers", {**operator, "X-User-Role": "platform_operator"}))[0] == 200
    assert (await gateway.get("/api/v1/developers", {**operator, "X-Operator-Key": "wrong"}))[0] == 403


async def test_a_history_contains_no_personal_data(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, owned_project = person.owned_project.owner, person.owned_project
    await gateway.changes.update_project(owner.id, owned_project.id, {"name": "for Rosalind"}, cause=CAUSE)
    path = f"/api/v1/projects/{owned_project.id}/users/{person.id}/password"
    assert (await gateway.call("PUT", path, owner.token, {"password": OTHER}))[0] == 204
    _, body = await gateway.get(f"/api/v1/developers/{owner.id}/history", {"X-Operator-Key": OPERATOR_KEY})
    types = [event["type"].partition(".")[2] for event in body["events"]]
    assert types == [
        "registered",
        "key_created",
        "project_created",
        "key_created",
        "user_registered",
        "project_renamed",
        "user_password_reset",
    ]
    for word in (
        person.mark,
        person.email,
        owner.email,
        owned_project.mark,
        "Rosalind",
        OTHER,
        owned_project.key,
        owner.key,
    ):
        assert word not in str(body)


async def test_fifty_concurrent_registrations_succeed(gateway: GatewayHarness) -> None:
    owned_project = (await gateway.person()).owned_project
    made = await asyncio.gather(*(gateway.person(owned_project) for _ in range(50)))
    _, body = await gateway.get(f"/api/v1/projects/{owned_project.id}/users?page_size=100", owned_project.owner.token)
    assert {user["id"] for user in body["users"]} >= {person.id for person in made}
