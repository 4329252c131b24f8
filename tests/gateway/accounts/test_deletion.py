"""Revoking keys, and deleting projects and users with their data."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.accounts.keys import Peppers
from store.accounts.erasure import LATE_ARRIVALS
from store.accounts.queries import Credentials
from store.accounts.writes import NewPerson
from store.generations.snapshot_cache import SnapshotCache
from tests.stores import OpenStore
from tests.systems.gateway import CAUSE, PASSWORD, PEPPER
from tests.systems.gateway_harness import ONE, GatewayHarness, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read(gateway: GatewayHarness, person: Person, generation_id: str) -> tuple[int, Any]:
    return await gateway.get(f"{ONE}/{generation_id}", person.token)


def links_of(resource: Any) -> list[str]:
    """Return the signed URLs of a resource's pictures and examples, without the host."""
    urls = [resource["generated_image_url"], *resource["example_images"]]
    return [f"{urlsplit(url).path}?{urlsplit(url).query}" for url in urls]


async def test_an_accepted_generation_continues_after_its_keys_are_revoked(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, owned_project = person.owned_project.owner, person.owned_project
    generation_id = await gateway.submit(person)
    assert (await gateway.call("DELETE", f"/api/v1/auth/developer-keys/{owner.key_id}", owner.token))[0] == 204
    path = f"/api/v1/projects/{owned_project.id}/api-keys/{owned_project.key_id}"
    assert (await gateway.call("DELETE", path, owner.token))[0] == 204
    status, body = await gateway.get(f"{ONE}/{generation_id}", person.headers)
    assert (status, body["code"]) == (403, "invalid_developer_key")
    status, body = await read(gateway, person, generation_id)
    assert (status, body["status"]) == (200, "pending")
    await gateway.complete(generation_id)
    status, body = await read(gateway, person, generation_id)
    assert (status, body["status"]) == (200, "completed")
    assert (await gateway.get(links_of(body)[0]))[0] == 200


async def test_nothing_of_a_deleted_project_can_be_reached(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owner, owned_project = person.owned_project.owner, person.owned_project
    generation_id = await gateway.completed(person)
    _, resource = await read(gateway, person, generation_id)
    links = links_of(resource)
    assert [(await gateway.get(link))[0] for link in links] == [200, 200]
    status, _ = await gateway.call("PATCH", f"{ONE}/{generation_id}/public", person.token, {"is_public": True})
    assert status == 200
    public = f"{ONE}/{generation_id}/images/0"
    assert (await gateway.get(public))[0] == 200
    _, ticket = await gateway.call("POST", f"{ONE}/{generation_id}/events/ticket", person.token)
    events = f"{ONE}/{generation_id}/events?ticket={ticket['ticket']}"
    assert (await gateway.get(events))[0] == 200
    one = f"/api/v1/projects/{owned_project.id}"
    assert (await gateway.call("DELETE", one, owner.token))[0] == 204
    assert (await gateway.get(events))[0] == 401
    assert (await read(gateway, person, generation_id))[0] == 401
    assert [(await gateway.get(link))[0] for link in (*links, public)] == [404, 404, 404]
    for path in ("", "/users", "/stats", "/api-keys", "/generations", f"/generations/{generation_id}"):
        assert (await gateway.get(one + path, owner.token))[0] == 404
    login = {"email": person.email, "password": PASSWORD}
    status, _ = await gateway.call("POST", "/api/v1/auth/login", {"X-Project-ID": owned_project.id}, login)
    assert status == 401
    assert (await gateway.call("DELETE", one, owner.token))[0] == 404
    _, stats = await gateway.get("/api/v1/projects/stats", owner.token)
    assert stats["projects"] == {"total": 1, "active": 0}


async def personal_data_and_blobs(store: OpenStore, generation_id: str) -> tuple[int, int]:
    database = store.database
    personal_data = await database["personal_data"].count_documents({"generation": generation_id})
    return personal_data, await database["blobs"].count_documents({"generation": generation_id})


async def test_all_data_of_a_deleted_user_are_erased(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    other_user = await gateway.person(person.owned_project)
    done, kept = await gateway.completed(person), await gateway.completed(other_user)
    running = await gateway.submit(person)
    _, resource = await read(gateway, person, done)
    links = links_of(resource)
    path = f"/api/v1/projects/{person.owned_project.id}/users/{person.id}"
    assert (await gateway.call("DELETE", path, person.owned_project.owner.token))[0] == 204
    assert (await read(gateway, person, done))[0] == 401
    assert [(await gateway.get(link))[0] for link in links] == [404, 404]
    assert (await gateway.get(path, person.owned_project.owner.token))[0] == 404
    assert (await gateway.call("DELETE", path, person.owned_project.owner.token))[0] == 404
    assert await collections_naming(gateway, person) == []
    for _ in range(2):
        await gateway.erasure.run()
        await gateway.project(done)
        await gateway.project(running)
    for generation_id in (done, running):
        generation = await gateway.generations.load(generation_id)
        assert generation is not None
        assert generation.erased
        assert await personal_data_and_blobs(gateway.store, generation_id) == (0, 0)
    await gateway.erasure.run()
    assert await documents(gateway, person) == 1, "an upload may still be running"
    gateway.clock.ahead += LATE_ARRIVALS
    await gateway.erasure.run()
    assert await documents(gateway, person) == 0
    history = await gateway.changes.history(person.owned_project.owner.id)
    assert [event.type for event in history][-2:] == ["developer.user_deleted", "developer.user_erased"]
    assert await personal_data_and_blobs(gateway.store, kept) == (1, 2)
    assert (await read(gateway, other_user, kept))[0] == 200


async def damage(gateway: GatewayHarness, *generations: str) -> None:
    """Damage the log of generations, for a process that has not read them yet."""
    gateway.generations._snapshots = SnapshotCache()
    ids = [f"generation-{name}:1" for name in generations]
    await gateway.store.database["commits"].update_many({"_id": {"$in": ids}}, {"$set": {"body": b"damaged"}})


async def test_a_damaged_stream_keeps_no_other_data_of_deleted_users(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    damaged, sound = await gateway.completed(person), await gateway.completed(person)
    await damage(gateway, damaged)
    await gateway.changes.delete_user(person.owned_project.owner.id, person.owned_project.id, person.id, cause=CAUSE)
    for _ in range(2):
        await gateway.erasure.run()
        await gateway.project(sound)
    assert await personal_data_and_blobs(gateway.store, sound) == (0, 0)
    gateway.clock.ahead += LATE_ARRIVALS
    await gateway.erasure.run()
    assert await documents(gateway, person) == 1, "what is damaged is not erased yet"


async def test_a_page_of_damaged_streams_keeps_no_other_data_of_a_deleted_user(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.generations.scope_erasure.PAGE", 2)
    person = await gateway.person()
    sound, *damaged = [await gateway.completed(person) for _ in range(4)]
    await damage(gateway, *damaged)  # the newer ones come first
    await gateway.changes.delete_user(person.owned_project.owner.id, person.owned_project.id, person.id, cause=CAUSE)
    for _ in range(2):
        await gateway.erasure.run()
        await gateway.project(sound)
    assert await personal_data_and_blobs(gateway.store, sound) == (0, 0)


async def test_a_submission_that_ends_after_the_deletion_is_erased_too(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    await gateway.changes.delete_user(person.owned_project.owner.id, person.owned_project.id, person.id, cause=CAUSE)
    await gateway.erasure.run()
    late = await gateway.completed(await reactivated(gateway, person))
    gateway.clock.ahead += LATE_ARRIVALS
    await gateway.erasure.run()
    assert await documents(gateway, person) == 1
    assert await personal_data_and_blobs(gateway.store, late) == (0, 0)
    await gateway.project(late)
    await gateway.erasure.run()
    gateway.clock.ahead += LATE_ARRIVALS
    await gateway.erasure.run()
    assert await documents(gateway, person) == 0


async def test_a_generation_without_a_row_is_erased_too(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    generation = await gateway.completed(person)
    await gateway.store.projection.remove([generation])
    gateway.clock.forward(minutes=5)
    await gateway.changes.delete_user(person.owned_project.owner.id, person.owned_project.id, person.id, cause=CAUSE)
    await gateway.erasure.run()
    assert await personal_data_and_blobs(gateway.store, generation) == (0, 0)


async def test_a_user_deletes_their_account_with_their_password(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    me = "/api/v1/auth/me"
    status, body = await gateway.call("DELETE", me, person.token, {"password": "a guess"})
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "password"])
    assert (await gateway.call("DELETE", me, person.token, {"password": PASSWORD}))[0] == 204
    assert (await gateway.get(me, person.token))[0] == 401
    assert (await gateway.call("DELETE", me, person.owned_project.owner.token, {"password": PASSWORD}))[0] == 403
    new = NewPerson(person.email, "x")
    owner, project = person.owned_project.owner.id, person.owned_project.id
    again = await gateway.changes.register_user(owner, project, new, cause=CAUSE)
    assert again.id != person.id


async def test_keys_are_hashed_with_the_new_pepper_when_they_are_used(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    accounts = gateway.store.accounts
    database = gateway.store.database

    async def kept_under() -> str:
        found = await database["keys"].find_one({"_id": person.owned_project.key_id})
        assert found is not None
        return str(found["hash"]).partition(":")[0]

    both = Peppers({1: PEPPER, 2: "q" * 32})
    found = await accounts.credentials(
        Credentials(person.owned_project.id, api_key_hashes=both.candidates(person.owned_project.key))
    )
    assert found is not None
    accounts.keys.use.note(found.api_key, both.hash(person.owned_project.key))
    await accounts.settle()
    assert await kept_under() == "2"
    only_new = Peppers({2: "q" * 32})
    found = await accounts.credentials(
        Credentials(person.owned_project.id, api_key_hashes=only_new.candidates(person.owned_project.key))
    )
    assert found is not None
    assert found.api_key is not None


async def collections_naming(gateway: GatewayHarness, person: Person) -> list[str]:
    """Name the collections of accounts that contain the person's mark."""
    database = gateway.store.database
    names = ("users", "projects", "developers", "keys", "refresh_families", "login_attempts")
    return [name for name in names if person.mark in str(await database[name].find({}).to_list(None))]


async def documents(gateway: GatewayHarness, person: Person) -> int:
    database = gateway.store.database
    return int(await database["users"].count_documents({"_id": person.id}))


async def reactivated(gateway: GatewayHarness, person: Person) -> Person:
    """Let a deleted user submit, as a request that was authenticated before the deletion does."""
    users = gateway.store.database["users"]
    await users.update_one({"_id": person.id}, {"$set": {"active": True}})
    return person
