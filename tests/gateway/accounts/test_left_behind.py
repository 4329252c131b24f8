"""What a deleted project leaves: erased on request, or by itself a month later."""

from datetime import timedelta

import pytest

from events.webhook import WebhookRegistered
from store.accounts.erasure import LATE_ARRIVALS
from store.webhooks.endpoints import EndpointUrl
from tests.gateway.accounts.house import CAUSE, House, Person, webhooks_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONTH = timedelta(days=30)


async def deleted(house: House, person: Person) -> None:
    owner = person.place.owner
    assert (await house.call("DELETE", f"/api/v1/projects/{person.place.id}", owner.token))[0] == 204


async def left(house: House, person: Person, *generations: str) -> dict[str, int]:
    """Count what is left of somebody, by collection."""
    database = house.store.database
    whose = {"generation": {"$in": list(generations)}}
    return {
        "users": await database["users"].count_documents({"_id": person.id}),
        "personal_data": await database["personal_data"].count_documents(whose),
        "blobs": await database["blobs"].count_documents(whose),
    }


async def erased(house: House, *generations: str) -> None:
    for _ in range(2):
        await house.erasure.run()
        for generation in generations:
            await house.project(generation)
    await house.erasure.run()
    house.clock.ahead += LATE_ARRIVALS
    await house.erasure.run()


async def test_a_user_of_a_deleted_project_is_erased_on_request(house: House) -> None:
    person = await house.person()
    done = await house.completed(person)
    await deleted(house, person)
    path = f"/api/v1/projects/{person.place.id}/users/{person.id}"
    stranger = await house.owner()
    assert (await house.call("DELETE", path, stranger.token))[0] == 404
    assert (await house.call("DELETE", path, person.place.owner.token))[0] == 204
    assert (await house.call("DELETE", path, person.place.owner.token))[0] == 404
    await erased(house, done)
    assert await left(house, person, done) == {"users": 0, "personal_data": 0, "blobs": 0}


async def test_a_deleted_project_is_erased_by_itself_after_its_time(house: House) -> None:
    person = await house.person()
    place, owner = person.place, person.place.owner
    other = await house.person(await house.place(owner))
    done, kept = await house.completed(person), await house.completed(other)
    await house.call("PUT", f"/api/v1/projects/{place.id}", owner.token, {"description": f"of {place.mark}"})
    webhooks = webhooks_of(house.store, house.clock)
    url = f"https://{place.mark}.example/hook"
    event = WebhookRegistered(
        developer=owner.id, project=place.id, url="a" * 64, event_types=("generation.completed",)
    )
    await webhooks.register(
        f"ep-{place.id}",
        event,
        url=EndpointUrl("a" * 64, url, b"salt"),
        description=place.mark,
        limit=5,
        cause=CAUSE,
    )
    await deleted(house, person)
    house.clock.ahead += MONTH - timedelta(minutes=1)
    await house.erasure.run()
    assert await left(house, person, done) == {"users": 1, "personal_data": 1, "blobs": 2}
    house.clock.ahead += timedelta(minutes=2)
    await erased(house, done)
    assert await left(house, person, done) == {"users": 0, "personal_data": 0, "blobs": 0}
    await house.erasure.run()
    database = house.store.database
    for name in await database.list_collection_names():
        documents = str(await database[name].find({}).to_list(None))
        assert person.mark not in documents, name
        assert place.mark not in documents, name
    assert await house.store.events.read(f"webhook-ep-{place.id}"), "the log keeps that there was one"
    told = [recorded.type for recorded in await house.changes.history(owner.id)]
    assert told[-3:] == ["developer.user_deleted", "developer.user_erased", "developer.project_erased"]
    await house.erasure.run()
    assert [recorded.type for recorded in await house.changes.history(owner.id)] == told
    assert await left(house, other, kept) == {"users": 1, "personal_data": 1, "blobs": 2}
