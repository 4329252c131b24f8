"""Registration, developer keys and projects, over HTTP."""

import asyncio
import uuid
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientResponse

from tests.systems.accounts_harness import FORBIDDEN, UNKNOWN, AccountsHarness, Tenant, refusal_of
from tests.systems.gateway import CAUSE, OPERATOR_KEY, PASSWORD

pytestmark = pytest.mark.asyncio(loop_scope="module")

REGISTER, KEYS, PROJECTS = "/api/v1/auth/register", "/api/v1/auth/developer-keys", "/api/v1/projects"
NO_DEVELOPER_KEY = 403, "Invalid or revoked developer key"
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tenant(harness: AccountsHarness) -> Tenant:
    """A tenant of tests whose requests are all refused."""
    return await harness.tenant()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other(harness: AccountsHarness) -> Tenant:
    """Another developer's tenant, which no test changes."""
    return await harness.tenant()


def fresh_email() -> str:
    return f"{uuid.uuid4().hex}@example.com"


def keys_of(tenant: Tenant) -> dict[str, str]:
    return {
        "X-Developer-Key": tenant.developer_key,
        "X-Project-ID": tenant.project_id,
        "X-API-Key": tenant.api_key,
    }


async def made(answer: ClientResponse) -> Any:
    body = await answer.json()
    assert answer.status == 201, body
    return body


async def got(harness: AccountsHarness, path: str, tenant: Tenant) -> Any:
    answer = await harness.client.get(path, headers=harness.as_developer(tenant))
    assert answer.status == 200
    return await answer.json()


async def test_a_registered_end_user_is_logged_in_at_once(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    sent = {"email": "Ada.Lovelace@Example.com", "password": PASSWORD, "full_name": "Ada"}
    body = await made(await harness.client.post(REGISTER, json=sent, headers=keys_of(tenant)))
    assert (body["email"], body["full_name"], body["role"]) == ("ada.lovelace@example.com", "Ada", "end_user")
    assert (body["project_id"], body["provisioning"]) == (tenant.project_id, None)
    answer = await harness.client.get(
        "/submit",
        headers={
            **keys_of(tenant),
            "X-User-Role": "end_user",
            "Authorization": f"Bearer {body['access_token']}",
        },
    )
    assert await answer.json() == [tenant.developer_id, tenant.project_id, body["id"]]


async def test_an_address_can_be_registered_once_per_project(harness: AccountsHarness) -> None:
    tenant, other = await harness.tenant(), await harness.tenant()
    sent = {"email": fresh_email(), "password": PASSWORD}
    await made(await harness.client.post(REGISTER, json=sent, headers=keys_of(tenant)))
    sent["email"] = sent["email"].upper()
    assert (await refusal_of(await harness.client.post(REGISTER, json=sent, headers=keys_of(tenant))))[0] == 409
    await made(await harness.client.post(REGISTER, json=sent, headers=keys_of(other)))


@pytest.mark.parametrize(
    ("header", "expected"),
    [("X-Developer-Key", NO_DEVELOPER_KEY), ("X-Project-ID", FORBIDDEN), ("X-API-Key", FORBIDDEN)],
)
@pytest.mark.parametrize("value", [None, "wrong", "of another"])
async def test_a_registration_needs_both_keys_and_the_project(
    harness: AccountsHarness, tenant: Tenant, other: Tenant, header: str, expected: tuple[int, str], value: str | None
) -> None:
    headers = keys_of(tenant)
    del headers[header]
    if value is not None:
        headers[header] = keys_of(other)[header] if value == "of another" else value
    if header == "X-Project-ID" and value == "of another":
        expected = NO_DEVELOPER_KEY  # the key is compared with the project that was named
    sent = {"email": fresh_email(), "password": PASSWORD}
    assert await refusal_of(await harness.client.post(REGISTER, json=sent, headers=headers)) == expected


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "ada"}, "email"),
        ({"password": "short"}, "password"),
        ({"password": "x" * 129}, "password"),
        ({"full_name": "x" * 256}, "full_name"),
        ({"full_name": 7}, "full_name"),
        ({"full_name": ""}, "full_name"),
        ({"full_name": " \u200b\u2003"}, "full_name"),
        ({"full_name": "Ada\u0000"}, "full_name"),
        ({"full_name": "Ada\nLovelace"}, "full_name"),
        ({"full_name": "Ada\u202eecalevoL"}, "full_name"),
        ({"full_name": "Ada\u2066Lovelace"}, "full_name"),
        ({"full_name": "Ada\ud800"}, "full_name"),
        ({"password": " " * 8}, "password"),
        ({"password": "longenough\ud800"}, "password"),
    ],
)
async def test_an_invalid_registration_gets_422_with_the_wrong_field(
    harness: AccountsHarness, tenant: Tenant, change: dict[str, object], field: str
) -> None:
    sent = {"email": fresh_email(), "password": PASSWORD, **change}
    answer = await harness.client.post(REGISTER, json=sent, headers=keys_of(tenant))
    status, detail = await refusal_of(answer)
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["body", field]


@pytest.mark.parametrize("name", ["", "  ", "\u0000", "a\tb", "a\u202db", "a\u2069b", "x" * 256, 7])
async def test_an_unreadable_name_is_refused_by_every_route(
    harness: AccountsHarness, tenant: Tenant, name: object
) -> None:
    project = f"{PROJECTS}/{tenant.project_id}"
    for method, path in (
        ("POST", PROJECTS),
        ("PUT", project),
        ("POST", KEYS),
        ("POST", f"{project}/api-keys"),
    ):
        answer = await harness.client.request(method, path, json={"name": name}, headers=harness.as_developer(tenant))
        status, detail = await refusal_of(answer)
        assert status == 422, (method, path)
        assert isinstance(detail, list)
        assert [one["loc"] for one in detail] == [["body", "name"]]


async def test_names_of_any_script_and_descriptions_of_two_lines_are_stored(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    sent = {"name": "حديقة 花园 🌻 \u200dÅse", "description": "one\n\ttwo"}
    path = f"{PROJECTS}/{tenant.project_id}"
    answer = await harness.client.put(path, json=sent, headers=harness.as_developer(tenant))
    body = await answer.json()
    assert (answer.status, {**body, **sent}) == (200, body)
    answer = await harness.client.put(path, json={"description": "a\u202eb"}, headers=harness.as_developer(tenant))
    status, detail = await refusal_of(answer)
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["body", "description"]


async def test_an_operator_registers_a_developer_with_project_and_keys(harness: AccountsHarness) -> None:
    sent = {"email": fresh_email(), "password": PASSWORD, "tier": "cloud_starter"}
    headers = {"X-Operator-Key": OPERATOR_KEY}
    body = await made(await harness.client.post(REGISTER, json=sent, headers=headers))
    assert (body["role"], body["project_id"], body["token_type"]) == ("developer", None, "bearer")
    given = body["provisioning"]
    keys = {
        "X-Developer-Key": given["developer_key"],
        "X-Project-ID": given["project_id"],
        "X-API-Key": given["api_key"],
    }
    user = {"email": fresh_email(), "password": PASSWORD}
    await made(await harness.client.post(REGISTER, json=user, headers=keys))
    state = await harness.accounts.developer_state(body["id"])
    assert state is not None
    assert state[1] == "cloud_starter"
    assert (await refusal_of(await harness.client.post(REGISTER, json=sent, headers=headers)))[0] == 409


@pytest.mark.parametrize("key", ["", "wrong", OPERATOR_KEY[:-1], OPERATOR_KEY + "x", "ü", "x" * 5000])
async def test_a_wrong_operator_key_registers_no_developer(harness: AccountsHarness, key: str) -> None:
    sent = {"email": fresh_email(), "password": PASSWORD}
    answer = await harness.client.post(REGISTER, json=sent, headers={"X-Operator-Key": key})
    assert await refusal_of(answer) == FORBIDDEN


async def test_an_unknown_tier_is_refused(harness: AccountsHarness) -> None:
    sent = {"email": fresh_email(), "password": PASSWORD, "tier": "gold"}
    answer = await harness.client.post(REGISTER, json=sent, headers={"X-Operator-Key": OPERATOR_KEY})
    status, detail = await refusal_of(answer)
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["body", "tier"]


async def test_a_developer_key_is_shown_once_and_stored_as_a_hash(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    answer = await harness.client.post(KEYS, json={"name": "laptop"}, headers=harness.as_developer(tenant))
    body = await made(answer)
    assert body["key"].startswith("ak_")
    assert body["key_prefix"] == body["key"][:8]
    listed = await got(harness, KEYS, tenant)
    assert [key["name"] for key in listed] == ["laptop", None]
    assert set(listed[0]) == {"id", "name", "key_prefix", "is_active", "last_used_at", "created_at"}
    headers = {**harness.headers(tenant), "X-Developer-Key": body["key"]}
    assert (await harness.client.get("/submit", headers=headers)).status == 200
    await harness.accounts.settle()
    assert (await got(harness, KEYS, tenant))[0]["last_used_at"] is not None


async def test_the_eleventh_active_developer_key_is_refused(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    headers = harness.as_developer(tenant)
    posts = (harness.client.post(KEYS, json={}, headers=headers) for _ in range(14))
    answers = await asyncio.gather(*posts)
    assert sorted(answer.status for answer in answers) == [201] * 9 + [400] * 5
    refused = next(answer for answer in answers if answer.status == 400)
    assert (await refusal_of(refused))[1] == "Maximum of 10 active developer keys reached. Revoke one first."
    revoked = await harness.client.delete(f"{KEYS}/{tenant.developer_key_id}", headers=headers)
    assert revoked.status == 204
    await made(await harness.client.post(KEYS, json={}, headers=headers))


async def test_a_key_of_another_developer_is_not_found(harness: AccountsHarness) -> None:
    tenant, other = await harness.tenant(), await harness.tenant()
    headers = harness.as_developer(tenant)
    for key_id in (other.developer_key_id, tenant.api_key_id, UNKNOWN_ID, "x"):
        answer = await harness.client.delete(f"{KEYS}/{key_id}", headers=headers)
        assert await refusal_of(answer) == (404, "Not found")
    assert (await got(harness, KEYS, other))[0]["is_active"]


async def test_a_project_is_created_listed_changed_and_deleted(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    headers = harness.as_developer(tenant)
    sent = {"name": "kitchen", "description": "herbs"}
    body = await made(await harness.client.post(f"{PROJECTS}/", json=sent, headers=headers))
    one = f"{PROJECTS}/{body['id']}"
    shown = await got(harness, one, tenant)
    assert (shown["name"], shown["description"], shown["updated_at"]) == ("kitchen", "herbs", None)
    assert [project["name"] for project in await got(harness, f"{PROJECTS}/", tenant)] == [
        "kitchen",
        "garden",
    ]
    answer = await harness.client.put(one, json={"name": None, "description": None}, headers=headers)
    changed = await answer.json()
    assert (changed["name"], changed["description"]) == ("kitchen", None)
    assert changed["updated_at"] is not None
    assert (await harness.client.delete(one, headers=headers)).status == 204
    assert await refusal_of(await harness.client.get(one, headers=headers)) == (404, "Not found")
    assert [project["name"] for project in await got(harness, PROJECTS, tenant)] == ["garden"]


async def test_a_project_above_the_limit_of_the_tier_is_refused(harness: AccountsHarness) -> None:
    tenant = await harness.tenant(tier="free_starter")
    headers = harness.as_developer(tenant)
    for name in ("b", "c"):
        await made(await harness.client.post(PROJECTS, json={"name": name}, headers=headers))
    answer = await harness.client.post(PROJECTS, json={"name": "d"}, headers=headers)
    assert await refusal_of(answer) == (400, "Maximum of 3 projects reached for tier free_starter")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": None}, "name"),
        ({"name": "x", "description": "x" * 1001}, "description"),
    ],
)
async def test_an_invalid_project_gets_422_with_the_wrong_field(
    harness: AccountsHarness, tenant: Tenant, body: dict[str, object], field: str
) -> None:
    answer = await harness.client.post(PROJECTS, json=body, headers=harness.as_developer(tenant))
    status, detail = await refusal_of(answer)
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["body", field]


async def test_api_keys_are_created_listed_and_revoked(harness: AccountsHarness) -> None:
    tenant = await harness.tenant()
    path, headers = f"{PROJECTS}/{tenant.project_id}/api-keys", harness.as_developer(tenant)
    body = await made(await harness.client.post(path, json={"name": "site"}, headers=headers))
    assert body["key"].startswith("pk_")
    assert [key["name"] for key in await got(harness, path, tenant)] == ["site", None]
    sent = {**harness.headers(tenant), "X-API-Key": body["key"]}
    assert (await harness.client.get("/submit", headers=sent)).status == 200
    assert (await harness.client.delete(f"{path}/{body['id']}", headers=headers)).status == 204
    assert await refusal_of(await harness.client.get("/submit", headers=sent)) == FORBIDDEN
    assert [key["is_active"] for key in await got(harness, path, tenant)] == [False, True]
    assert (await harness.client.delete(f"{path}/{body['id']}", headers=headers)).status == 404


async def test_users_are_listed_for_one_and_for_all_projects(harness: AccountsHarness) -> None:
    ada = await harness.tenant()
    bob, cid = await harness.another_user_of(ada), await harness.tenant(ada.developer_id)
    page = await got(harness, f"{PROJECTS}/{ada.project_id}/users?page_size=1", ada)
    assert ([user["id"] for user in page["users"]], page["total"]) == ([bob.user_id], 2)
    all_users = await got(harness, f"{PROJECTS}/users", ada)
    assert [user["id"] for user in all_users["users"]] == [cid.user_id, bob.user_id, ada.user_id]
    assert all_users["users"][0]["project_name"] == "garden"
    assert all_users["users"][0]["project_id"] == cid.project_id
    chosen = await got(harness, f"{PROJECTS}/users?project_id={cid.project_id}&is_active=true", ada)
    assert [user["id"] for user in chosen["users"]] == [cid.user_id]
    found = await got(harness, f"{PROJECTS}/users?search={ada.email}", ada)
    assert [user["id"] for user in found["users"]] == [ada.user_id]


async def test_statistics_count_all_and_active_entries(harness: AccountsHarness) -> None:
    ada = await harness.tenant()
    cid = await harness.tenant(ada.developer_id)
    await harness.changes.revoke_key(ada.developer_id, ada.api_key_id, ada.project_id, cause=CAUSE)
    one = await got(harness, f"{PROJECTS}/{ada.project_id}/stats", ada)
    assert one == {"users": {"total": 1, "active": 1}, "api_keys": {"total": 1, "active": 0}}
    every = await got(harness, f"{PROJECTS}/stats", ada)
    assert every == {
        "projects": {"total": 2, "active": 2},
        "users": {"total": 2, "active": 2},
        "api_keys": {"total": 2, "active": 1},
    }
    chosen = await got(harness, f"{PROJECTS}/stats?project_id={cid.project_id}", ada)
    assert chosen["api_keys"] == {"total": 1, "active": 1}


@pytest.mark.parametrize(
    "query",
    [
        "page=0",
        "page=x",
        "page_size=101",
        "page_size=0",
        "is_active=perhaps",
        "search=" + "x" * 256,
        "search=a%00b",
        "page=1&page=2",
        "is_active=true&is_active=true",
    ],
)
@pytest.mark.parametrize("what", ["users", "stats", "{id}/users", "{id}/stats"])
async def test_an_invalid_query_parameter_gets_422(
    harness: AccountsHarness, tenant: Tenant, query: str, what: str
) -> None:
    path = f"{PROJECTS}/{what.format(id=tenant.project_id)}"
    answer = await harness.client.get(f"{path}?{query}", headers=harness.as_developer(tenant))
    status, detail = await refusal_of(answer)
    assert status == 422
    assert isinstance(detail, list)
    assert detail[0]["loc"] == ["query", query.partition("=")[0]]
    answer = await harness.client.get(f"{path}?meaning=less&meaning=less", headers=harness.as_developer(tenant))
    assert answer.status == 200


ROUTES = [
    ("GET", KEYS),
    ("POST", KEYS),
    ("DELETE", KEYS + "/{api_key}"),
    ("GET", PROJECTS),
    ("POST", PROJECTS),
    ("GET", PROJECTS + "/stats"),
    ("GET", PROJECTS + "/users"),
    ("GET", PROJECTS + "/{project}"),
    ("PUT", PROJECTS + "/{project}"),
    ("DELETE", PROJECTS + "/{project}"),
    ("GET", PROJECTS + "/{project}/stats"),
    ("GET", PROJECTS + "/{project}/users"),
    ("GET", PROJECTS + "/{project}/api-keys"),
    ("POST", PROJECTS + "/{project}/api-keys"),
    ("DELETE", PROJECTS + "/{project}/api-keys/{api_key}"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_only_developers_manage_projects_and_keys(
    harness: AccountsHarness, tenant: Tenant, method: str, path: str
) -> None:
    path = path.format(project=tenant.project_id, api_key=tenant.api_key_id)
    assert await refusal_of(await harness.client.request(method, path, json={"name": "x"})) == UNKNOWN
    user = await harness.client.request(method, path, json={"name": "x"}, headers=harness.headers(tenant))
    assert await refusal_of(user) == FORBIDDEN
    disguised = {**harness.as_developer(tenant), "X-User-Role": "end_user"}
    answer = await harness.client.request(method, path, json={"name": "x"}, headers=disguised)
    assert await refusal_of(answer) == FORBIDDEN


@pytest.mark.parametrize(("method", "path"), [(method, path) for method, path in ROUTES if "{" in path])
async def test_resources_of_another_developer_are_not_found(
    harness: AccountsHarness, tenant: Tenant, other: Tenant, method: str, path: str
) -> None:
    answers = []
    for project, key in ((other.project_id, other.api_key_id), (UNKNOWN_ID, UNKNOWN_ID), ("x", "x")):
        answer = await harness.client.request(
            method,
            path.format(project=project, api_key=key),
            json={"name": "mine"},
            headers=harness.as_developer(tenant),
        )
        answers.append(await refusal_of(answer))
    assert answers == [(404, "Not found")] * 3
    kept = await harness.accounts.project(other.developer_id, other.project_id)
    assert kept is not None
    assert (kept.name, kept.active) == ("garden", True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"name": "garden", "name": "cellar"}', "every key may stand only once in an object"),
        ('{"name": "garden", "more": ' + "[" * 17 + "]" * 17 + "}", "nested deeper than 16 levels"),
        ('{"name": "garden", "more": NaN}', "Invalid JSON format"),
        ('{"name": "garden", "more": 1e999}', "Invalid JSON format"),
        ('{"name": "garden"', "Invalid JSON format"),
        ('["garden"]', "value is not a valid dict"),
    ],
)
async def test_an_ambiguous_or_malformed_json_body_is_refused(
    harness: AccountsHarness, tenant: Tenant, text: str, message: str
) -> None:
    headers = {**harness.as_developer(tenant), "Content-Type": "application/json"}
    answer = await harness.client.post("/api/v1/projects", data=text, headers=headers)
    body = await answer.json()
    assert (answer.status, body["code"]) == (422, "invalid_request")
    assert [(field["loc"], field["msg"]) for field in body["detail"]] == [(["body"], message)]


async def test_wrong_operator_keys_are_limited_and_the_right_one_is_not(harness: AccountsHarness) -> None:
    async def register(key: str) -> int:
        sent = {"email": fresh_email(), "password": PASSWORD, "tier": "internal"}
        return (await harness.client.post(REGISTER, json=sent, headers={"X-Operator-Key": key})).status

    assert [await register(f"guess {number}") for number in range(12)][-2:] == [429, 429]
    assert await register(OPERATOR_KEY) == 201
