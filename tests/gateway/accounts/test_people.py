"""Passwords, sessions and the people of the platform, over HTTP."""

import asyncio
import statistics
import time
from typing import Any

import pytest

from domain.accounts.access import Role
from domain.accounts.passwords import Passwords
from domain.errors import ErrorCode, ExemplarError
from gateway.auth.login_attempts import PER_ACCOUNT_AND_ADDRESS
from store.accounts.writes import NewPassword
from tests.gateway.accounts.house import CAUSE, OPERATOR_KEY, PASSWORD, House, Owner, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOGIN, ME, PASSWORDS = "/api/v1/auth/login", "/api/v1/auth/me", "/api/v1/auth/password"
OTHER = "battery staple horse"
Tokens = dict[str, str]


async def login(house: House, who: Person | Owner, password: str = PASSWORD) -> tuple[int, Any]:
    headers = {"X-Project-ID": who.place.id} if isinstance(who, Person) else {}
    return await house.call("POST", LOGIN, headers, {"email": who.email, "password": password})


async def session(house: House, who: Person | Owner, password: str = PASSWORD) -> tuple[Tokens, str]:
    """Log in; return the access token as a header and the refresh token."""
    status, body = await login(house, who, password)
    assert status == 200, body
    return {"Authorization": f"Bearer {body['access_token']}"}, body["refresh_token"]


async def lives(house: House, token: Tokens) -> bool:
    return (await house.get(ME, token))[0] == 200


async def refreshes(house: House, refresh_token: str) -> bool:
    body = {"refresh_token": refresh_token}
    return (await house.call("POST", "/api/v1/auth/refresh", {}, body))[0] == 200


@pytest.mark.parametrize("kind", ["end user", "developer"])
async def test_a_changed_password_ends_every_session_but_ones_own(house: House, kind: str) -> None:
    person = await house.person()
    who = person if kind == "end user" else person.place.owner
    (mine, my_refresh), (other, other_refresh) = await session(house, who), await session(house, who)
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await house.call("POST", PASSWORDS, mine, sent))[0] == 204
    assert await lives(house, mine)
    assert not await lives(house, other)
    assert not await refreshes(house, other_refresh)
    assert await refreshes(house, my_refresh)
    assert (await login(house, who))[0] == 401
    assert await lives(house, (await session(house, who, OTHER))[0])


async def test_a_password_that_was_reset_meanwhile_is_not_changed(house: House) -> None:
    person = await house.person()
    proved = await house.store.accounts.password_hash(Role.END_USER, person.id, person.place.id)
    assert proved is not None
    whose = (person.place.owner.id, person.place.id, person.id)
    await house.changes.change_user_password(*whose, NewPassword("reset", proved, "s"), cause=CAUSE)
    with pytest.raises(ExemplarError) as refusal:
        await house.changes.change_user_password(*whose, NewPassword("intruder", proved, "s"), cause=CAUSE)
    assert refusal.value.code is ErrorCode.INVALID_CREDENTIALS
    kept = await house.store.accounts.password_hash(Role.END_USER, person.id, person.place.id)
    assert kept == "reset"
    user = await house.store.database["users"].find_one({"_id": person.id})
    assert user is not None
    assert (user["epoch"], user["kept_session"]) == (1, "s")
    history = await house.changes.history(person.place.owner.id)
    assert [event.type for event in history].count("developer.user_password_changed") == 1


async def test_a_number_of_thousands_of_digits_is_no_fault_of_ours(house: House) -> None:
    status, _ = await house.call("POST", LOGIN, {}, {"email": "a@b.example", "password": 10**4000})
    assert status == 422


async def test_a_session_kept_once_ends_with_the_next_change(house: House) -> None:
    person = await house.person()
    first, _ = await session(house, person)
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await house.call("POST", PASSWORDS, first, sent))[0] == 204
    second, _ = await session(house, person, OTHER)
    sent = {"current_password": OTHER, "new_password": PASSWORD}
    assert (await house.call("POST", PASSWORDS, second, sent))[0] == 204
    assert not await lives(house, first)
    assert await lives(house, second)


async def test_a_password_is_changed_by_who_knows_it_and_guesses_are_counted(house: House) -> None:
    person = await house.person()
    sent = {"current_password": "a guess", "new_password": OTHER}
    for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts):
        status, body = await house.call("POST", PASSWORDS, person.token, sent)
        assert (status, body["detail"][0]["loc"]) == (422, ["body", "current_password"])
    status, body = await house.call("POST", PASSWORDS, person.token, sent)
    assert (status, body["code"]) == (429, "login_limit_exceeded")
    assert (await login(house, person))[0] == 200


@pytest.mark.parametrize("kind", ["end user", "developer"])
async def test_a_thief_with_one_session_does_not_keep_its_owner_from_his_password(
    house: House, kind: str
) -> None:
    person = await house.person()
    who = person if kind == "end user" else person.place.owner
    (stolen, _), (mine, _) = await session(house, who), await session(house, who)
    guess = {"current_password": "a guess", "new_password": OTHER}
    tried = [
        (await house.call("POST", PASSWORDS, stolen, guess))[0]
        for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts + 2)
    ]
    assert tried[-1] == 429
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await house.call("POST", PASSWORDS, mine, sent))[0] == 204
    assert not await lives(house, stolen)


async def test_a_prolonged_session_guesses_no_more_than_before(house: House) -> None:
    person = await house.person()
    token, refresh = await session(house, person)
    guess = {"current_password": "a guess", "new_password": OTHER}
    for _ in range(PER_ACCOUNT_AND_ADDRESS.attempts):
        assert (await house.call("POST", PASSWORDS, token, guess))[0] == 422
    _, body = await house.call("POST", "/api/v1/auth/refresh", {}, {"refresh_token": refresh})
    token = {"Authorization": f"Bearer {body['access_token']}"}
    assert (await house.call("POST", PASSWORDS, token, guess))[0] == 429


async def test_a_developer_resets_the_password_of_his_user(house: House) -> None:
    person = await house.person()
    token, refresh = await session(house, person)
    path = f"/api/v1/projects/{person.place.id}/users/{person.id}/password"
    assert await house.call("PUT", path, person.place.owner.token, {"password": OTHER}) == (204, b"")
    assert not await lives(house, token)
    assert not await refreshes(house, refresh)
    assert (await login(house, person))[0] == 401
    await session(house, person, OTHER)
    status, body = await house.call("PUT", path, person.place.owner.token)
    assert status == 200
    await session(house, person, body["password"])


async def test_developers_are_listed_in_pages_newest_first(house: House) -> None:
    made = [(await house.owner()).id for _ in range(5)]
    operator = {"X-Operator-Key": OPERATOR_KEY}
    seen: list[str] = []
    for page in (1, 2, 3):
        status, body = await house.get(f"/api/v1/developers?page={page}&page_size=2", operator)
        assert (status, body["page"], body["page_size"]) == (200, page, 2)
        assert len(body["developers"]) == min(2, body["total"] - 2 * (page - 1))
        seen += [developer["id"] for developer in body["developers"]]
    assert seen[:5] == made[::-1]
    _, whole = await house.get("/api/v1/developers", operator)
    assert [developer["id"] for developer in whole["developers"]][:6] == seen
    assert (whole["page"], whole["page_size"]) == (1, 50)
    beyond = (await house.get("/api/v1/developers?page=1000", operator))[1]
    assert (beyond["developers"], beyond["total"]) == ([], whole["total"])
    for query in ("page=0", "page_size=101", "page=x", "page_size=1&page_size=2"):
        status, body = await house.get(f"/api/v1/developers?{query}", operator)
        assert (status, body["detail"][0]["loc"]) == (422, ["query", query.partition("=")[0]])


async def test_a_reset_whose_body_is_mistyped_changes_nothing(house: House) -> None:
    person = await house.person()
    owner, operator = person.place.owner, {"X-Operator-Key": OPERATOR_KEY}
    for who, path, asking in (
        (person, f"/api/v1/projects/{person.place.id}/users/{person.id}/password", owner.token),
        (owner, f"/api/v1/developers/{owner.id}/password", operator),
    ):
        token, _ = await session(house, who)
        status, body = await house.call("PUT", path, asking, {"pasword": OTHER})
        assert (status, body["detail"][0]["loc"]) == (422, ["body", "pasword"])
        assert await lives(house, token)
        assert (await login(house, who))[0] == 200


async def test_an_operator_resets_the_password_of_a_developer(house: House) -> None:
    owner = await house.owner()
    token, _ = await session(house, owner)
    path, operator = f"/api/v1/developers/{owner.id}/password", {"X-Operator-Key": OPERATOR_KEY}
    status, body = await house.call("PUT", path, operator)
    assert status == 200
    assert not await lives(house, token)
    await session(house, owner, body["password"])


async def test_a_wrong_body_is_told_every_field_that_is_wrong(house: House) -> None:
    place = (await house.person()).place
    headers = {"X-Developer-Key": place.owner.key, "X-Project-ID": place.id, "X-API-Key": place.key}
    sent = {"email": "ada", "password": "short", "full_name": "x" * 256}
    status, body = await house.call("POST", "/api/v1/auth/register", headers, sent)
    assert (status, body["code"]) == (422, "invalid_request")
    assert [field["loc"] for field in body["detail"]] == [
        ["body", "email"],
        ["body", "password"],
        ["body", "full_name"],
    ]
    problem = {**headers, "Accept": "application/problem+json"}
    status, body = await house.call("POST", "/api/v1/auth/register", problem, sent)
    assert [field["loc"][-1] for field in body["errors"]] == ["email", "password", "full_name"]
    assert "body.password" in body["detail"]


async def test_a_password_of_old_parameters_is_hashed_anew_at_the_next_login(house: House) -> None:
    person = await house.person()
    old = await Passwords(memory_kib=16, passes=3).hash(OTHER)
    await house.changes.reset_user_password(
        person.place.owner.id, person.place.id, person.id, old, cause=CAUSE
    )
    kept = house.store.accounts.password_hash
    assert await kept(Role.END_USER, person.id, person.place.id) == old
    token, _ = await session(house, person, OTHER)
    new = await kept(Role.END_USER, person.id, person.place.id)
    assert new is not None
    assert "m=8,t=1" in new
    assert await lives(house, token)
    await session(house, person, OTHER)
    assert await kept(Role.END_USER, person.id, person.place.id) == new


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
async def test_staff_log_in_and_end_their_sessions_like_everybody(house: House, role: Role) -> None:
    email = f"{role.value}@platform.example"
    platform = house.store.platform_changes
    await platform.create_staff(role.value, role, email=email, password_hash=house.password_hash, cause=CAUSE)
    status, body = await house.call("POST", LOGIN, {}, {"email": email, "password": PASSWORD})
    assert status == 200
    token = {"Authorization": f"Bearer {body['access_token']}"}
    status, me = await house.get(ME, token)
    assert (status, me["role"], me["project_id"]) == (200, role.value, None)
    assert (
        await house.call("POST", PASSWORDS, token, {"current_password": PASSWORD, "new_password": OTHER})
    )[0] == 204
    assert (await house.call("POST", "/api/v1/auth/logout", token))[0] == 204
    assert not await lives(house, token)
    await platform.delete_staff(role.value, cause=CAUSE)
    assert not await refreshes(house, body["refresh_token"])
    told = [
        event for event in await platform.history() if event.to_cloudevent()["data"]["staff"] == role.value
    ]
    assert [(event.type, event.cause.actor) for event in told] == [
        ("platform.staff_created", "operator"),
        ("platform.staff_password_changed", f"{role.value.removeprefix('platform_')}:{role.value}"),
        ("platform.staff_deleted", "operator"),
    ]
    assert "@" not in str(told)


@pytest.mark.parametrize("kind", ["end user", "developer"])
async def test_who_changes_his_password_stands_in_the_log_without_it(house: House, kind: str) -> None:
    person = await house.person()
    owner = person.place.owner
    who = person if kind == "end user" else owner
    sent = {"current_password": PASSWORD, "new_password": OTHER}
    assert (await house.call("POST", PASSWORDS, who.token, sent))[0] == 204
    last = (await house.changes.history(owner.id))[-1].to_cloudevent()
    if kind == "end user":
        assert (last["type"], last["actor"]) == ("developer.user_password_changed", f"user:{person.id}")
        assert (last["data"]["project"], last["data"]["user"]) == (person.place.id, person.id)
    else:
        assert (last["type"], last["actor"]) == ("developer.password_changed", f"developer:{owner.id}")
    assert OTHER not in str(last)
    assert "argon2" not in str(last)


async def test_operators_manage_and_auditors_read_histories_and_nothing_else(house: House) -> None:
    owner = await house.owner("free_starter")
    operator, auditor = await house.staff(Role.PLATFORM_OPERATOR), await house.staff(Role.AUDITOR)
    one = f"/api/v1/developers/{owner.id}"
    status, body = await house.call("PUT", f"{one}/tier", operator, {"tier": "cloud_starter"})
    assert (status, body["tier"]) == (200, "cloud_starter")
    status, body = await house.call("PUT", f"{one}/tier", operator, {"tier": "gold"})
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "tier"])
    for method, path in (("GET", "/api/v1/developers"), ("GET", one), ("PUT", f"{one}/tier")):
        assert (await house.call(method, path, auditor, {"tier": "internal"}))[0] == 403
        assert (await house.call(method, path, owner.token, {"tier": "internal"}))[0] == 403
    for token in (operator, auditor, {"X-Operator-Key": OPERATOR_KEY}):
        status, body = await house.get(f"{one}/history", token)
        assert status == 200
        assert [event["type"] for event in body["events"]] == [
            "developer.registered",
            "developer.key_created",
            "developer.tier_changed",
        ]
        assert body["events"][2]["data"] == {"previous": "free_starter", "tier": "cloud_starter"}
        assert body["events"][2]["actor"].startswith("operator:")
    assert (await house.get(f"{one}/history", owner.token))[0] == 403
    for path in ("/api/v1/projects", "/api/v1/generation/generations-v2", "/api/v1/auth/developer-keys"):
        assert (await house.get(path, auditor))[0] == 403


async def test_the_roles_of_staff_are_no_others(house: House) -> None:
    auditor = await house.staff(Role.AUDITOR)
    assert (await house.get("/api/v1/developers", {**auditor, "X-User-Role": "platform_operator"}))[0] == 403
    operator = await house.staff(Role.PLATFORM_OPERATOR)
    assert (await house.get("/api/v1/developers", {**operator, "X-User-Role": "auditor"}))[0] == 403
    assert (await house.get("/api/v1/developers", {**operator, "X-User-Role": "platform_operator"}))[0] == 200
    assert (await house.get("/api/v1/developers", {**operator, "X-Operator-Key": "wrong"}))[0] == 403


async def test_nothing_personal_stands_in_a_history(house: House) -> None:
    person = await house.person()
    owner, place = person.place.owner, person.place
    await house.changes.update_project(owner.id, place.id, {"name": "for Rosalind"}, cause=CAUSE)
    path = f"/api/v1/projects/{place.id}/users/{person.id}/password"
    assert (await house.call("PUT", path, owner.token, {"password": OTHER}))[0] == 204
    _, body = await house.get(f"/api/v1/developers/{owner.id}/history", {"X-Operator-Key": OPERATOR_KEY})
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
    for word in (person.mark, person.email, owner.email, place.mark, "Rosalind", OTHER, place.key, owner.key):
        assert word not in str(body)


async def test_fifty_who_register_at_once_are_all_let_in(house: House) -> None:
    place = (await house.person()).place
    made = await asyncio.gather(*(house.person(place) for _ in range(50)))
    _, body = await house.get(f"/api/v1/projects/{place.id}/users?page_size=100", place.owner.token)
    assert {user["id"] for user in body["users"]} >= {person.id for person in made}
