"""Access keys over HTTP: one secret in place of five headers, made and revoked by the developer."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import FormData

from domain.accounts.access_keys import ACCESS_KEYS, AccessKeyState, Scope
from domain.accounts.keys import Peppers
from events.envelope import format_time
from store.accounts.key_use import KeyUse
from store.accounts.records import record_from
from tests.systems.gateway import CAUSE, PASSWORD, PEPPER, gateway_dependencies
from tests.systems.gateway_harness import ONE, GatewayHarness, Person, answered

pytestmark = pytest.mark.asyncio(loop_scope="module")

GENERATE = "/api/v1/generation/generate-v2"
NOT_ALLOWED = (403, "forbidden")


def path_of(person: Person) -> str:
    return f"/api/v1/projects/{person.owned_project.id}/users/{person.id}/access-keys"


async def make(gateway: GatewayHarness, person: Person, **body: Any) -> dict[str, Any]:
    status, made = await gateway.call("POST", path_of(person), person.owned_project.owner.token, body)
    assert status == 201, made
    return dict(made)


def bearer(made: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {made['key']}"}


async def submit(gateway: GatewayHarness, headers: dict[str, str], query: str = "") -> tuple[int, Any]:
    form = FormData()
    form.add_field("example_images", gateway.picture, filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a cat"}))
    return await answered(await gateway.client.post(GENERATE + query, data=form, headers=headers))


async def code_of(gateway: GatewayHarness, method: str, path: str, headers: dict[str, str]) -> tuple[int, str | None]:
    body = {"current_password": PASSWORD, "new_password": PASSWORD, "password": PASSWORD, "is_public": True}
    status, answer = await gateway.call(method, path, headers, None if method == "GET" else body)
    return status, answer.get("code") if isinstance(answer, dict) else None


async def test_a_key_is_shown_once_submits_reads_and_is_revoked(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    end = format_time(gateway.clock() + timedelta(days=1))
    made = await make(gateway, person, name="a script", expires_at=end)
    assert made["key"].startswith("ek_")
    assert (made["scopes"], made["name"], made["is_active"]) == (["generate", "read", "manage"], "a script", True)
    status, accepted = await submit(gateway, bearer(made))
    assert status == 202, accepted
    status, found = await gateway.get(f"{ONE}/{accepted['id']}", person.token)
    assert (status, found["id"]) == (200, accepted["id"])
    assert await code_of(gateway, "GET", f"{ONE}/{accepted['id']}/status", bearer(made)) == (200, None)
    await gateway.store.accounts.settle()
    status, [listed] = await gateway.get(path_of(person), person.owned_project.owner.token)
    assert (status, listed["last_used_at"] is not None) == (200, True)
    hidden = dict.fromkeys(("key", "last_used_at", "created_at"))
    assert {**made, **hidden} == {**listed, **hidden}
    one = f"{path_of(person)}/{made['id']}"
    assert (await gateway.call("DELETE", one, person.owned_project.owner.token))[0] == 204
    assert await code_of(gateway, "GET", ONE, bearer(made)) == (401, "invalid_credentials")
    assert (await gateway.call("DELETE", one, person.owned_project.owner.token))[0] == 404
    history = await gateway.changes.history(person.owned_project.owner.id)
    created, revoked = (event for event in history if event.event.type.startswith("developer.access_key"))
    assert (created.event.type, revoked.event.type) == (
        "developer.access_key_created",
        "developer.access_key_revoked",
    )
    assert created.cause.actor == revoked.cause.actor == f"developer:{person.owned_project.owner.id}"
    assert made["key"] not in str(history)


async def test_only_a_keyed_hash_is_stored_and_nothing_of_the_key_is_logged(
    gateway: GatewayHarness, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    person = await gateway.person()
    made = await make(gateway, person)
    await submit(gateway, bearer(made))
    await code_of(gateway, "GET", ONE, {"Authorization": f"Bearer {made['key'][:-1]}x"})
    assert await code_of(gateway, "POST", "/api/v1/auth/logout", bearer(made)) == NOT_ALLOWED
    stored = await gateway.store.database["access_keys"].find_one({"_id": made["id"]})
    assert stored is not None
    assert stored["hash"] == gateway.peppers.hash(made["key"])
    secret = made["key"][8:]
    assert secret not in str(stored)
    assert secret not in caplog.text + "".join(capsys.readouterr())


SCOPES = {
    ("POST", GENERATE): Scope.GENERATE,
    ("POST", ONE + "/{id}/retry"): Scope.GENERATE,
    ("GET", ONE): Scope.READ,
    ("GET", ONE + "/{id}"): Scope.READ,
    ("GET", ONE + "/{id}/status"): Scope.READ,
    ("GET", ONE + "/{id}/events"): Scope.READ,
    ("GET", ONE + "/{id}/explain"): Scope.READ,
    ("GET", ONE + "/{id}/image"): Scope.READ,
    ("GET", ONE + "/{id}/receipt"): Scope.READ,
    ("POST", ONE + "/{id}/events/ticket"): Scope.READ,
    ("GET", ONE + "/events"): Scope.READ,
    ("POST", ONE + "/events/ticket"): Scope.READ,
    ("GET", "/api/v1/usage"): Scope.READ,
    ("GET", "/api/v1/audit/accesses"): Scope.READ,
    ("GET", "/api/v1/auth/me"): Scope.READ,
    ("POST", ONE + "/{id}/cancel"): Scope.MANAGE,
    ("PATCH", ONE + "/{id}/public"): Scope.MANAGE,
    ("DELETE", ONE + "/{id}"): Scope.MANAGE,
    ("POST", "/api/v1/auth/logout"): None,
    ("POST", "/api/v1/auth/password"): None,
    ("DELETE", "/api/v1/auth/me"): None,
}


async def test_each_operation_needs_its_scope_and_no_key_reaches_the_account(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    keys = {scope: (await gateway.access_key(person, [scope]))[1] for scope in Scope}
    for (method, path), needed in SCOPES.items():
        for scope, headers in keys.items():
            status, code = await code_of(gateway, method, path.format(id=generation), headers)
            if needed is None:
                assert (status, code) in (NOT_ALLOWED, (403, "insufficient_scope")), path
            elif scope is needed:
                assert code not in ("insufficient_scope", "forbidden", "invalid_credentials"), (path, status, code)
            else:
                assert (status, code) == (403, "insufficient_scope"), (path, scope)


async def test_a_retry_shows_the_words_of_the_original_to_those_who_may_read(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    original = await gateway.completed(person)
    _, writer = await gateway.access_key(person, [Scope.GENERATE])
    _, reader = await gateway.access_key(person, [Scope.GENERATE, Scope.READ])
    retry, again = f"{ONE}/{original}/retry", {"Idempotency-Key": "once", "Prefer": "wait=1"}
    status, accepted = await gateway.call("POST", retry, {**writer, "Idempotency-Key": "once"})
    assert status == 202
    await gateway.complete(accepted["id"])
    status, body = await gateway.call("POST", retry, {**writer, **again})
    assert (status, person.mark in str(body)) == (202, False)
    status, body = await gateway.call("POST", retry, {**reader, **again})
    assert (status, person.mark in str(body)) == (200, True)


async def submit_stored(
    gateway: GatewayHarness, headers: dict[str, str], original: str, field: str
) -> tuple[int, dict[str, Any]]:
    """Submit a picture of an earlier generation as the example."""
    form = FormData({"instructions": '{"prompt": "a cat"}', field: original}, default_to_multipart=True)
    return await answered(await gateway.client.post(GENERATE, data=form, headers=headers))


async def test_an_answer_shows_stored_pictures_to_those_who_may_read(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    original = await gateway.completed(person)
    _, writer = await gateway.access_key(person, [Scope.GENERATE])
    _, reader = await gateway.access_key(person, [Scope.GENERATE, Scope.READ])
    for field in ("from_generation", "from_example"):
        once = {"Idempotency-Key": field}
        status, accepted = await submit_stored(gateway, {**writer, **once}, original, field)
        assert status == 202, accepted
        await gateway.complete(accepted["id"])
        again = {**once, "Prefer": "wait=1"}
        assert (await submit_stored(gateway, {**writer, **again}, original, field))[0] == 202
        assert (await submit_stored(gateway, {**reader, **again}, original, field))[0] == 200


async def test_a_key_of_all_scopes_is_no_developer(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    _, headers = await gateway.access_key(person)
    for path in ("/api/v1/projects", path_of(person), "/api/v1/developers", "/api/v1/audit/events"):
        assert await code_of(gateway, "GET", path, headers) == NOT_ALLOWED, path


async def test_headers_beside_a_key_must_be_of_the_same_project(gateway: GatewayHarness) -> None:
    person, other = await gateway.person(), await gateway.person()
    _, key = await gateway.access_key(person)
    assert (await submit(gateway, {**person.headers, **key}))[0] == 202
    for name in ("X-Developer-Key", "X-Project-ID", "X-API-Key"):
        assert (await submit(gateway, {**key, name: other.headers[name]}))[0] == 403, name


async def test_a_key_ends_at_its_date_also_in_a_ticket_and_outlives_a_new_password(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, end = person.owned_project.owner, gateway.clock() + timedelta(seconds=30)
    made = await make(gateway, person, expires_at=format_time(end))
    users = f"/api/v1/projects/{person.owned_project.id}/users/{person.id}"
    assert (await gateway.call("PUT", f"{users}/password", owner.token, {"password": "another password"}))[0] == 204
    status, ticket = await gateway.call("POST", f"{ONE}/events/ticket", bearer(made))
    assert status == 201
    query = f"?ticket={ticket['ticket']}"
    assert await code_of(gateway, "GET", f"{ONE}/events{query}", {}) == (200, None)
    gateway.clock.ahead = timedelta(seconds=31)
    try:
        assert await code_of(gateway, "GET", ONE, bearer(made)) == (401, "invalid_credentials")
        assert (await submit(gateway, bearer(made)))[0] == 401
        assert await code_of(gateway, "GET", f"{ONE}/events{query}", {}) == (401, "invalid_ticket")
    finally:
        gateway.clock.ahead = timedelta()


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["body", "expires_at"]),
        ({"expires_at": "2999-01-01T00:00:00"}, ["body", "expires_at"]),
        ({"scopes": []}, ["body", "scopes"]),
        ({"scopes": ["everything"]}, ["body", "scopes", "0"]),
        ({"expires": "2999-01-01T00:00:00Z"}, ["body", "expires"]),
        ({"name": " "}, ["body", "name"]),
    ],
)
async def test_a_wrong_body_makes_no_key(gateway: GatewayHarness, body: dict[str, Any], loc: list[str]) -> None:
    person = await gateway.person()
    status, answer = await gateway.call("POST", path_of(person), person.owned_project.owner.token, body)
    assert (status, answer["detail"][0]["loc"]) == (422, loc)
    assert (await gateway.get(path_of(person), person.owned_project.owner.token))[1] == []


async def test_a_user_has_a_largest_number_of_active_keys_also_when_made_at_once(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    token, end = person.owned_project.owner.token, format_time(gateway.clock() + timedelta(seconds=30))
    asked = [gateway.call("POST", path_of(person), token, {"expires_at": end}) for _ in range(ACCESS_KEYS + 2)]
    answers = await asyncio.gather(*asked)
    assert sorted(status for status, _ in answers) == [201] * ACCESS_KEYS + [400] * 2
    made = next(body for status, body in answers if status == 201)
    assert (await gateway.call("DELETE", f"{path_of(person)}/{made['id']}", token))[0] == 204
    await make(gateway, person)
    assert (await gateway.call("POST", path_of(person), token, {}))[0] == 400
    gateway.clock.ahead = timedelta(seconds=31)
    try:
        assert (await gateway.call("POST", path_of(person), token, {}))[0] == 201, "expired ones do not count"
    finally:
        gateway.clock.ahead = timedelta()


async def test_the_keys_of_an_erased_user_are_deleted(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    project = person.owned_project
    key_id, headers = await gateway.access_key(person)
    await gateway.changes.delete_user(project.owner.id, project.id, person.id, cause=CAUSE)
    assert await code_of(gateway, "GET", ONE, headers) == (401, "invalid_credentials")
    assert (await gateway.call("POST", path_of(person), project.owner.token, {}))[0] == 404
    await gateway.changes.record_user_erased(project.owner.id, project.id, person.id, cause=CAUSE)
    assert await gateway.store.database["access_keys"].find_one({"_id": key_id}) is None


async def test_a_key_moves_to_a_new_pepper_when_it_is_used_and_not_back(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    key_id, headers = await gateway.access_key(person)
    both = Peppers({1: PEPPER, 2: "q" * 32})
    dependencies = gateway_dependencies(gateway.store, gateway.clock, peppers=both)
    authenticator = dependencies.get("authenticator")
    key = headers["Authorization"].partition(" ")[2]
    found = await authenticator.accounts.access_keys.identify(both.candidates(key), both.hash(key))
    assert found is not None
    await gateway.store.accounts.settle()
    stored = await gateway.store.database["access_keys"].find_one({"_id": key_id})
    assert stored is not None
    assert stored["hash"] == both.hash(key)
    former = replace(both, chosen=1)
    use = KeyUse(gateway.store.database["access_keys"], gateway.clock)
    use.note(record_from(AccessKeyState, stored), former.hash(key))
    await use.settle()
    assert await gateway.store.database["access_keys"].count_documents({"_id": key_id, "hash": both.hash(key)}) == 1
