"""Erasing the data of a deleted project: on request, or after the retention."""

from datetime import timedelta

import pytest

from events.webhook import WebhookRegistered
from store.accounts.erasure import LATE_ARRIVALS
from store.webhooks.endpoints import EndpointUrl
from store.webhooks.webhooks import Webhooks
from tests.systems.gateway import CAUSE
from tests.systems.gateway_harness import GatewayHarness, OwnedProject, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

MONTH = timedelta(days=30)


async def deleted(gateway: GatewayHarness, person: Person) -> None:
    owner = person.owned_project.owner
    assert (await gateway.call("DELETE", f"/api/v1/projects/{person.owned_project.id}", owner.token))[0] == 204


async def remaining(gateway: GatewayHarness, person: Person, *generations: str) -> dict[str, int]:
    """Count the remaining documents of a person, by collection."""
    database = gateway.store.database
    query = {"generation": {"$in": list(generations)}}
    return {
        "users": await database["users"].count_documents({"_id": person.id}),
        "personal_data": await database["personal_data"].count_documents(query),
        "blobs": await database["blobs"].count_documents(query),
    }


async def erased(gateway: GatewayHarness, *generations: str) -> None:
    for _ in range(2):
        await gateway.erasure.run()
        for generation in generations:
            await gateway.project(generation)
    await gateway.erasure.run()
    gateway.clock.ahead += LATE_ARRIVALS
    await gateway.erasure.run()


async def test_a_user_of_a_deleted_project_is_erased_on_request(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    done = await gateway.completed(person)
    await deleted(gateway, person)
    path = f"/api/v1/projects/{person.owned_project.id}/users/{person.id}"
    other_owner = await gateway.owner()
    assert (await gateway.call("DELETE", path, other_owner.token))[0] == 404
    assert (await gateway.call("DELETE", path, person.owned_project.owner.token))[0] == 204
    assert (await gateway.call("DELETE", path, person.owned_project.owner.token))[0] == 404
    await erased(gateway, done)
    assert await remaining(gateway, person, done) == {"users": 0, "personal_data": 0, "blobs": 0}


async def with_endpoint(gateway: GatewayHarness, project: OwnedProject) -> None:
    """Register a webhook endpoint whose URL and description contain the project's mark."""
    webhooks: Webhooks = gateway.dependencies.get("webhooks")
    event = WebhookRegistered(
        developer=project.owner.id, project=project.id, url="a" * 64, event_types=("generation.completed",)
    )
    await webhooks.register(
        f"ep-{project.id}",
        event,
        url=EndpointUrl("a" * 64, f"https://{project.mark}.example/hook", b"salt"),
        description=project.mark,
        limit=5,
        cause=CAUSE,
    )


async def test_a_deleted_project_is_erased_after_the_retention(gateway: GatewayHarness) -> None:
    person = await gateway.person()
    owned_project, owner = person.owned_project, person.owned_project.owner
    other = await gateway.person(await gateway.owned_project(owner))
    done, kept = await gateway.completed(person), await gateway.completed(other)
    await gateway.call(
        "PUT",
        f"/api/v1/projects/{owned_project.id}",
        owner.token,
        {"description": f"of {owned_project.mark}"},
    )
    await with_endpoint(gateway, owned_project)
    await deleted(gateway, person)
    gateway.clock.ahead += MONTH - timedelta(minutes=1)
    await gateway.erasure.run()
    assert await remaining(gateway, person, done) == {"users": 1, "personal_data": 1, "blobs": 2}
    gateway.clock.ahead += timedelta(minutes=2)
    await erased(gateway, done)
    assert await remaining(gateway, person, done) == {"users": 0, "personal_data": 0, "blobs": 0}
    await gateway.erasure.run()
    database = gateway.store.database
    for name in await database.list_collection_names():
        documents = str(await database[name].find({}).to_list(None))
        assert person.mark not in documents, name
        assert owned_project.mark not in documents, name
    assert await gateway.store.events.read(f"webhook-ep-{owned_project.id}"), "the log keeps the registration"
    types = [recorded.type for recorded in await gateway.changes.history(owner.id)]
    assert types[-3:] == ["developer.user_deleted", "developer.user_erased", "developer.project_erased"]
    await gateway.erasure.run()
    assert [recorded.type for recorded in await gateway.changes.history(owner.id)] == types
    assert await remaining(gateway, other, kept) == {"users": 1, "personal_data": 1, "blobs": 2}


async def test_a_damaged_developer_keeps_no_data_of_others(
    gateway: GatewayHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.accounts.erasure._USERS_OF_PROJECTS", 1)
    stuck_user, stuck, other = [await gateway.person() for _ in range(3)]
    project = stuck_user.owned_project
    await gateway.changes.delete_user(project.owner.id, project.id, stuck_user.id, cause=CAUSE)
    for person in (stuck, other):
        await deleted(gateway, person)
    commits = gateway.store.database["commits"]
    for person in (stuck_user, stuck):
        developer = person.owned_project.owner.id
        await gateway.store.database["developers"].update_one({"_id": developer}, {"$unset": {"folded": 1}})
        await commits.update_many({"stream": f"developer-{developer}"}, {"$set": {"body": b"damaged"}})
    gateway.clock.ahead += MONTH + timedelta(minutes=1)

    await erased(gateway)
    await erased(gateway)

    assert (await remaining(gateway, other))["users"] == 0
    assert (await remaining(gateway, stuck))["users"] == 1
