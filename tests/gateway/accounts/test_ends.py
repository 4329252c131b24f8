"""What ends: keys, projects and users, with all that hangs on them."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from domain.accounts.keys import Peppers
from store.accounts.erasure import LATE_ARRIVALS
from tests.gateway.accounts.house import CAUSE, ONE, PASSWORD, PEPPER, House, Person
from tests.stores import OpenStore

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def read(house: House, person: Person, generation_id: str) -> tuple[int, Any]:
    return await house.get(f"{ONE}/{generation_id}", person.token)


def links_of(resource: Any) -> list[str]:
    """The signed addresses of a resource's pictures and examples."""
    urls = [resource["generated_image_url"], *resource["example_images"]]
    return [f"{urlsplit(url).path}?{urlsplit(url).query}" for url in urls]


async def test_what_was_admitted_goes_on_after_its_keys_are_revoked(house: House) -> None:
    person = await house.person()
    owner, place = person.place.owner, person.place
    generation_id = await house.submit(person)
    assert (await house.call("DELETE", f"/api/v1/auth/developer-keys/{owner.key_id}", owner.token))[0] == 204
    path = f"/api/v1/projects/{place.id}/api-keys/{place.key_id}"
    assert (await house.call("DELETE", path, owner.token))[0] == 204
    status, body = await house.get(f"{ONE}/{generation_id}", person.headers)
    assert (status, body["code"]) == (403, "invalid_developer_key")
    status, body = await read(house, person, generation_id)
    assert (status, body["status"]) == (200, "pending")
    await house.complete(generation_id)
    status, body = await read(house, person, generation_id)
    assert (status, body["status"]) == (200, "completed")
    assert (await house.get(links_of(body)[0]))[0] == 200


async def test_a_deleted_project_takes_everything_out_of_reach(house: House) -> None:
    person = await house.person()
    owner, place = person.place.owner, person.place
    generation_id = await house.completed(person)
    _, resource = await read(house, person, generation_id)
    links = links_of(resource)
    assert [(await house.get(link))[0] for link in links] == [200, 200]
    status, _ = await house.call("PATCH", f"{ONE}/{generation_id}/public", person.token, {"is_public": True})
    assert status == 200
    public = f"{ONE}/{generation_id}/images/0"
    assert (await house.get(public))[0] == 200
    _, ticket = await house.call("POST", f"{ONE}/{generation_id}/events/ticket", person.token)
    events = f"{ONE}/{generation_id}/events?ticket={ticket['ticket']}"
    assert (await house.get(events))[0] == 200
    one = f"/api/v1/projects/{place.id}"
    assert (await house.call("DELETE", one, owner.token))[0] == 204
    assert (await house.get(events))[0] == 401
    assert (await read(house, person, generation_id))[0] == 401
    assert [(await house.get(link))[0] for link in (*links, public)] == [404, 404, 404]
    for path in ("", "/users", "/stats", "/api-keys", "/generations", f"/generations/{generation_id}"):
        assert (await house.get(one + path, owner.token))[0] == 404
    login = {"email": person.email, "password": PASSWORD}
    status, _ = await house.call("POST", "/api/v1/auth/login", {"X-Project-ID": place.id}, login)
    assert status == 401
    assert (await house.call("DELETE", one, owner.token))[0] == 404
    _, stats = await house.get("/api/v1/projects/stats", owner.token)
    assert stats["projects"] == {"total": 1, "active": 0}


async def personal_data_and_blobs(store: OpenStore, generation_id: str) -> tuple[int, int]:
    database = store.database
    personal_data = await database["personal_data"].count_documents({"generation": generation_id})
    return personal_data, await database["blobs"].count_documents({"generation": generation_id})


async def test_of_a_deleted_user_nothing_is_left(house: House) -> None:
    person = await house.person()
    neighbour = await house.person(person.place)
    done, kept = await house.completed(person), await house.completed(neighbour)
    running = await house.submit(person)
    _, resource = await read(house, person, done)
    links = links_of(resource)
    path = f"/api/v1/projects/{person.place.id}/users/{person.id}"
    assert (await house.call("DELETE", path, person.place.owner.token))[0] == 204
    assert (await read(house, person, done))[0] == 401
    assert [(await house.get(link))[0] for link in links] == [404, 404]
    assert (await house.get(path, person.place.owner.token))[0] == 404
    assert (await house.call("DELETE", path, person.place.owner.token))[0] == 404
    assert await personal(house, person) == []
    for _ in range(2):
        await house.erasure.run()
        await house.project(done)
        await house.project(running)
    for generation_id in (done, running):
        generation = await house.generations.load(generation_id)
        assert generation is not None
        assert generation.erased
        assert await personal_data_and_blobs(house.store, generation_id) == (0, 0)
    await house.erasure.run()
    assert await documents(house, person) == 1, "an upload may still be on its way"
    house.clock.ahead += LATE_ARRIVALS
    await house.erasure.run()
    assert await documents(house, person) == 0
    history = await house.changes.history(person.place.owner.id)
    assert [event.type for event in history][-2:] == ["developer.user_deleted", "developer.user_erased"]
    assert await personal_data_and_blobs(house.store, kept) == (1, 2)
    assert (await read(house, neighbour, kept))[0] == 200


async def test_what_arrives_after_the_deletion_is_erased_too(house: House) -> None:
    person = await house.person()
    await house.changes.delete_user(person.place.owner.id, person.place.id, person.id, cause=CAUSE)
    await house.erasure.run()
    late = await house.completed(await revived(house, person))
    house.clock.ahead += LATE_ARRIVALS
    await house.erasure.run()
    assert await documents(house, person) == 1
    assert await personal_data_and_blobs(house.store, late) == (0, 0)
    await house.project(late)
    await house.erasure.run()
    house.clock.ahead += LATE_ARRIVALS
    await house.erasure.run()
    assert await documents(house, person) == 0


async def test_a_user_deletes_himself_with_his_password(house: House) -> None:
    person = await house.person()
    me = "/api/v1/auth/me"
    status, body = await house.call("DELETE", me, person.token, {"password": "a guess"})
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "password"])
    assert (await house.call("DELETE", me, person.token, {"password": PASSWORD}))[0] == 204
    assert (await house.get(me, person.token))[0] == 401
    assert (await house.call("DELETE", me, person.place.owner.token, {"password": PASSWORD}))[0] == 403
    again = await house.changes.register_user(
        person.place.owner.id, person.place.id, email=person.email, password_hash="x", cause=CAUSE
    )
    assert again.id != person.id


async def test_keys_move_to_the_new_pepper_when_they_are_used(house: House) -> None:
    person = await house.person()
    accounts = house.store.accounts
    database = house.store.database

    async def kept_under() -> str:
        found = await database["keys"].find_one({"_id": person.place.key_id})
        assert found is not None
        return str(found["hash"]).partition(":")[0]

    both = Peppers({1: PEPPER, 2: "q" * 32})
    found = await accounts.credentials(person.place.id, api_key_hashes=both.candidates(person.place.key))
    assert found is not None
    accounts.keys.note_use(found.api_key, both.hash(person.place.key))
    await accounts.keys.settle()
    assert await kept_under() == "2"
    only_new = Peppers({2: "q" * 32})
    found = await accounts.credentials(person.place.id, api_key_hashes=only_new.candidates(person.place.key))
    assert found is not None
    assert found.api_key is not None


async def personal(house: House, person: Person) -> list[str]:
    """Find the person's words in every collection of accounts."""
    database = house.store.database
    names = ("users", "projects", "developers", "keys", "refresh_families", "login_attempts")
    return [name for name in names if person.mark in str(await database[name].find({}).to_list(None))]


async def documents(house: House, person: Person) -> int:
    database = house.store.database
    return int(await database["users"].count_documents({"_id": person.id}))


async def revived(house: House, person: Person) -> Person:
    """Let the person submit as if he had been admitted before he was deleted."""
    users = house.store.database["users"]
    await users.update_one({"_id": person.id}, {"$set": {"active": True}})
    return person
