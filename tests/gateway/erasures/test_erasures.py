"""Erasing over HTTP: by developers what is theirs, by operators everything, always with a reason."""

from datetime import timedelta
from typing import Any

import pytest

from domain.accounts.access import Role
from events.envelope import RecordedEvent
from events.erasure import Grounds
from events.owner import GenerationErased
from store.accounts.erasure import LATE_ARRIVALS
from tests.systems.gateway import CAUSE, OPERATOR_KEY, PASSWORD
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

ERASURES = "/api/v1/erasures"
WHY = {"reason": "data_request", "case": "DSR-7"}


async def erase(gateway: GatewayHarness, path: str, headers: dict[str, str], body: Any = WHY) -> tuple[int, Any]:
    return await gateway.call("POST", f"{ERASURES}/{path}", headers, body)


async def left_of(gateway: GatewayHarness, *generations: str) -> int:
    query = {"generation": {"$in": list(generations)}}
    database = gateway.store.database
    return int(sum([await database[name].count_documents(query) for name in ("personal_data", "blobs")]))


async def events_of(gateway: GatewayHarness, generation: str) -> list[RecordedEvent]:
    return [event for commit in await gateway.store.events.read(f"generation-{generation}") for event in commit.events]


async def erasure_of(gateway: GatewayHarness, generation: str) -> tuple[str, Any, str | None]:
    """Return who erased a generation, on which grounds, and the event that led to it."""
    [erased] = [one for one in await events_of(gateway, generation) if isinstance(one.event, GenerationErased)]
    assert isinstance(erased.event, GenerationErased)
    assert erased.event.grounds is not None
    return erased.cause.actor, erased.event.grounds.model_dump(exclude_none=True), erased.cause.causation_id


async def run_out(gateway: GatewayHarness) -> None:
    """Let the scheduler erase what it found, and wait for uploads that may be late."""
    for _ in range(3):
        await gateway.erasure.run()
        gateway.clock.ahead += LATE_ARRIVALS


async def test_of_two_simultaneous_requests_for_a_project_the_first_gives_the_grounds(gateway: GatewayHarness) -> None:
    project = (await gateway.person()).owned_project
    grounds = [Grounds(reason="legal", case="C-1"), Grounds(reason="data_request")]
    for one in grounds:  # both have read that the project is kept
        await gateway.changes.request_project_erasure(project.owner.id, project.id, one, cause=CAUSE)
    stored = await gateway.store.database["projects"].find_one({"_id": project.id})
    assert stored is not None
    assert stored["deletion"]["grounds"] == grounds[0].model_dump()


async def test_a_developer_erases_a_generation_of_a_user(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner = person.owned_project.owner
    generation, other = await gateway.completed(person), await gateway.completed(person)
    path = f"generations/{generation}"
    counts = {"kind": "generation", "id": generation, "users": 0, "endpoints": 0, "running": 0}
    assert await gateway.get(f"{ERASURES}/{path}", owner.token) == (200, {**counts, "state": "kept", "generations": 1})
    assert await left_of(gateway, generation) == 3
    erased = {**counts, "state": "erased", "generations": 0}
    assert await erase(gateway, path, owner.token) == (200, erased)
    assert await left_of(gateway, generation) == 0
    assert await erasure_of(gateway, generation) == (f"developer:{owner.id}", WHY, None)
    assert await erase(gateway, path, owner.token, {"reason": "legal"}) == (200, erased)
    assert (await erasure_of(gateway, generation))[1] == WHY, "the first erasure is the only one"
    assert (await gateway.get(f"{ONE}/{generation}", person.token))[0] == 410
    assert (await gateway.get(f"{ONE}/{other}", person.token))[0] == 200
    _, listed = await gateway.get(f"/api/v1/projects/{person.owned_project.id}/generations", owner.token)
    assert [one["id"] for one in listed["generations"]] == [other]


async def test_an_operator_erases_what_is_of_any_developer(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    by_key, by_token = await gateway.completed(person), await gateway.completed(person)
    operator = await gateway.staff(Role.PLATFORM_OPERATOR)
    assert (await erase(gateway, f"generations/{by_key}", {"X-Operator-Key": OPERATOR_KEY}))[0] == 200
    assert (await erasure_of(gateway, by_key))[0] == "operator"
    assert (await erase(gateway, f"generations/{by_token}", operator))[0] == 200
    assert (await erasure_of(gateway, by_token))[0].startswith("operator:")


async def test_a_generation_that_has_not_started_is_cancelled_and_erased(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.submit(person)
    status, body = await erase(gateway, f"generations/{generation}", person.owned_project.owner.token)
    assert (status, body["state"]) == (200, "erased")
    types = [event.type for event in await events_of(gateway, generation)]
    assert types[1:] == ["generation.cancel_requested", "generation.failed", "generation.erased"]


async def test_what_is_left_of_a_user_has_a_generation_whose_row_is_not_written_yet(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    await gateway.store.database["generations"].delete_one({"_id": generation})
    _, body = await gateway.get(f"{ERASURES}/users/{person.id}", person.owned_project.owner.token)
    assert (body["generations"], body["running"]) == (1, 0)


async def test_a_user_is_closed_at_once_and_erased_by_the_scheduler(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, generations = person.owned_project.owner, [await gateway.completed(person) for _ in range(2)]
    running, path = await gateway.submit(person), f"users/{person.id}"
    counts = {"kind": "user", "id": person.id, "endpoints": 0}
    before = {**counts, "state": "kept", "users": 1, "generations": 3, "running": 1}
    assert await gateway.get(f"{ERASURES}/{path}", owner.token) == (200, before)
    assert await erase(gateway, path, owner.token) == (202, {**before, "state": "erasing"})
    assert (await gateway.get(f"{ONE}/{running}", person.token))[0] == 401
    await gateway.erasure.run()
    _, during = await gateway.get(f"{ERASURES}/{path}", owner.token)
    assert during == {**before, "state": "erasing", "generations": 0, "running": 0}
    assert await left_of(gateway, *generations, running) == 0
    await run_out(gateway)
    while await gateway.store.sealed_log.seal():
        pass
    after = {**counts, "state": "erased", "users": 0, "generations": 0, "running": 0}
    token = gateway.bearer(owner.id, Role.DEVELOPER)  # the clock is ahead of the other one
    assert await gateway.get(f"{ERASURES}/{path}", token) == (200, after)
    assert await erase(gateway, path, token) == (200, after)
    history = await gateway.changes.history(owner.id)
    deleted, erased = history[-2:]
    assert (deleted.type, deleted.cause.actor) == ("developer.user_deleted", f"developer:{owner.id}")
    assert deleted.event.model_dump(exclude_none=True)["grounds"] == WHY
    assert (erased.type, erased.cause.causation_id) == ("developer.user_erased", deleted.id)
    for generation in generations:
        assert await erasure_of(gateway, generation) == ("actor:accounts", WHY, deleted.id)


async def test_an_erased_user_may_register_again_as_another(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    project = person.owned_project
    assert (await erase(gateway, f"users/{person.id}", project.owner.token))[0] == 202
    body = {"email": person.email, "password": PASSWORD}
    headers = {"X-Developer-Key": project.owner.key, "X-Project-ID": project.id, "X-API-Key": project.key}
    status, again = await gateway.call("POST", "/api/v1/auth/register", headers, body)
    assert status == 201, again
    assert again["id"] != person.id
    token = {**person.headers, "Authorization": f"Bearer {again['access_token']}"}
    made = await gateway.submit(Person(again["id"], person.email, project, token, person.mark))
    await run_out(gateway)
    assert (await gateway.get(f"{ONE}/{made}", gateway.bearer(again["id"], Role.END_USER, project.id)))[0] == 200


@pytest.mark.parametrize("deleted_before", [False, True])
async def test_a_project_is_erased_without_waiting_for_the_retention(
    gateway: GatewayHarness, deleted_before: bool
) -> None:
    person = await gateway.person()
    project, owner, generation = person.owned_project, person.owned_project.owner, await gateway.completed(person)
    path = f"projects/{project.id}"
    if deleted_before:
        assert (await gateway.call("DELETE", f"/api/v1/projects/{project.id}", owner.token))[0] == 204
    status, body = await erase(gateway, path, owner.token)
    assert (status, body["state"], body["generations"], body["users"]) == (202, "erasing", 1, 1)
    assert (await gateway.get(f"/api/v1/projects/{project.id}", owner.token))[0] == 404
    began = gateway.clock.ahead
    await run_out(gateway)
    await run_out(gateway)
    assert gateway.clock.ahead - began < timedelta(days=1)
    status, body = await gateway.get(f"{ERASURES}/{path}", gateway.bearer(owner.id, Role.DEVELOPER))
    assert (status, body["state"], body["generations"], body["users"]) == (200, "erased", 0, 0)
    assert await left_of(gateway, generation) == 0
    events = {event.type: event for event in await gateway.changes.history(owner.id)}
    requested = events["developer.project_erasure_requested"]
    assert requested.event.model_dump(exclude_none=True)["grounds"] == WHY
    assert events["developer.project_erased"].cause.causation_id == requested.id
    assert events["developer.user_deleted"].cause.causation_id == requested.id
    assert list(events).count("developer.project_deleted") == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "reason"),
        ({"reason": "because"}, "reason"),
        ({"reason": "owner_request"}, "reason"),
        ({"reason": "legal", "case": "the case of Mrs Smith"}, "case"),
        ({"reason": "legal", "case": ""}, "case"),
        ({"reason": "legal", "case": "A\n"}, "case"),
    ],
)
async def test_a_reason_is_of_the_closed_list(gateway: GatewayHarness, body: dict[str, str], field: str) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    status, refused = await erase(gateway, f"generations/{generation}", person.owned_project.owner.token, body)
    assert (status, refused["code"]) == (422, "invalid_request")
    assert refused["detail"][0]["loc"] == ["body", field]
    assert await left_of(gateway, generation) == 3


async def test_auditors_and_end_users_erase_nothing(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    for headers in (await gateway.staff(Role.AUDITOR), person.token):
        for path in (f"generations/{generation}", f"users/{person.id}", f"projects/{person.owned_project.id}"):
            assert (await erase(gateway, path, headers))[0] == 403
            assert (await gateway.get(f"{ERASURES}/{path}", headers))[0] == 403
    assert await left_of(gateway, generation) == 3


async def test_an_owner_who_deletes_is_recorded_with_that_reason(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    assert (await gateway.call("DELETE", f"{ONE}/{generation}", person.token))[0] == 200
    assert await erasure_of(gateway, generation) == (f"user:{person.id}", {"reason": "owner_request"}, None)
    assert (await gateway.call("DELETE", "/api/v1/auth/me", person.token, {"password": PASSWORD}))[0] == 204
    history = await gateway.changes.history(person.owned_project.owner.id)
    [deleted] = [one for one in history if one.type == "developer.user_deleted"]
    assert deleted.event.model_dump(exclude_none=True)["grounds"] == {"reason": "closed"}
