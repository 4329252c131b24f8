"""Deliveries that may not be sent any more end with a reason that the list shows."""

from functools import partial

from domain.webhooks.endpoint import default_endpoint, disable
from domain.webhooks.retry_schedule import PAUSES
from events.owner import CancelRequested, GenerationErased
from store.webhooks.erasure import DeliveryErasure
from tests.actors.webhooks.test_delivery import TO_COMPLETED
from tests.actors.webhooks.test_sender import HeldClient, wait_for_calls
from tests.builders.generation import RESERVED, VALIDATED, failed, intended, started
from tests.systems.webhook_receiver import Receiver, accept, refuse
from tests.systems.webhook_system import CAUSE, PROJECT, WebhookSystem

DEFAULT = default_endpoint(PROJECT)


async def mark_deleted(system: WebhookSystem, collection: str, document: dict[str, object]) -> None:
    """Write an account document as its deletion leaves it."""
    database = system.store.database
    await database.get_collection(collection).insert_one({**document, "deleted_at": system.clock.now})


async def test_nothing_is_sent_for_a_deleted_project(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url)
    generation = await system.request(*TO_COMPLETED, GenerationErased(), webhook=receiver.url)
    await system.schedule(generation)
    await mark_deleted(system, "projects", {"_id": PROJECT})
    await system.deliver_all()
    assert receiver.requests == []
    assert set(await system.outcomes()) == {("skipped", "project_deleted")}


async def test_only_the_erasure_is_sent_for_a_deleted_user(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url, ["generation.completed", "generation.erased"])
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await mark_deleted(system, "users", {"_id": "usr-1", "project_id": PROJECT})
    await system.deliver_all()
    assert await system.outcomes() == [("skipped", "user_deleted")] * 2
    await system.record(generation, GenerationErased())
    await system.schedule(generation)
    await system.deliver_all()
    assert receiver.types == ["erased"]


async def test_the_deletion_of_another_project_changes_nothing(system: WebhookSystem, receiver: Receiver) -> None:
    await mark_deleted(system, "projects", {"_id": "prj-2"})
    await mark_deleted(system, "users", {"_id": "usr-1", "project_id": "prj-2"})
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    await system.deliver_all()
    assert receiver.types == ["completed"]


async def test_only_the_erasure_is_sent_for_a_generation_to_be_erased(
    system: WebhookSystem, receiver: Receiver
) -> None:
    await system.register(receiver.url)
    receiver.respond = refuse(503)
    generation = await system.request(VALIDATED, RESERVED, intended(), started())
    await system.schedule(generation)
    await system.deliver_due()
    sent = len(receiver.requests)
    receiver.respond = accept
    facts = (CancelRequested(erase=True), failed("canceled", "completion"), GenerationErased())
    await system.record(generation, *facts)
    await system.schedule(generation)
    await system.deliver_all()
    assert [received.type for received in receiver.requests[sent:]] == ["erased"]
    response = {row.type.removeprefix("generation."): (row.state, row.reason) for row in await system.rows()}
    assert response.pop("erased") == ("delivered", None)
    assert set(response.values()) == {("skipped", "generation_deleted")}


async def shown(system: WebhookSystem, generation: str) -> list[tuple[str, str, list[str]]]:
    """Read the state, host and responses of a generation's deliveries."""
    rows = await system.rows({"generation": generation})
    return [(row.state, row.host, [attempt.response for attempt in row.attempts]) for row in rows]


async def test_erasure_deletes_hosts_and_responses_of_a_generation(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = lambda received: (accept if received.type == "started" else refuse(500))(received)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url, filters=["start", "completed"])
    other = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation, other)
    await system.deliver_due()
    await system.record(generation, GenerationErased())
    for _ in range(2):
        await system.process().call(DeliveryErasure).erase_generation(PROJECT, generation)
    host = system.host_of(receiver.url)
    assert await shown(system, generation) == [("delivered", "", [""]), ("skipped", "", [""])]
    assert await shown(system, other) == [("pending", host, ["no: 500"])]


async def test_a_response_that_arrives_after_the_erasure_is_not_stored(
    system: WebhookSystem, receiver: Receiver
) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    client = HeldClient(system.client)
    sender = system.sender(client)
    await sender.send_due()
    await wait_for_calls(client, 1)
    await system.record(generation, GenerationErased())
    await system.process().call(DeliveryErasure).erase_generation(PROJECT, generation)
    client.open.set()
    await sender.idle()
    [row] = await system.rows()
    assert (row.state, row.host) == ("skipped", "")
    assert [(attempt.status, attempt.response) for attempt in row.attempts] == [(200, "")]


async def test_a_delivery_of_a_deleted_owner_keeps_neither_host_nor_response(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()
    await mark_deleted(system, "users", {"_id": "usr-1", "project_id": PROJECT})
    await system.deliver_all()
    [row] = await system.rows()
    assert (row.reason, row.host, [attempt.response for attempt in row.attempts]) == (
        "user_deleted",
        "",
        [""],
    )


async def test_an_erasure_is_sent_at_once_despite_earlier_deliveries(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url, ["generation.completed", "generation.erased"])
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, GenerationErased())
    await system.schedule(generation)
    await system.process().call(DeliveryErasure).erase_generation(PROJECT, generation)
    receiver.respond = accept
    await system.deliver_due()
    assert receiver.types == ["erased"]


async def test_a_resend_after_the_erasure_is_skipped_with_its_reason(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_all()
    [row] = await system.rows()
    assert (row.state, row.reason) == ("failed", "exhausted")
    await system.record(generation, GenerationErased())
    again = await system.deliveries.resend(PROJECT, DEFAULT, row.id, system.clock.now)
    assert again is not None
    assert (again.state, again.reason) == ("pending", None)
    await system.deliver_all()
    assert await system.outcomes() == [("skipped", "generation_deleted")]
    assert len(receiver.requests) == len(PAUSES)


async def test_pending_deliveries_end_when_their_endpoint_is_disabled(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoint, _ = await system.register(receiver.url)
    receiver.respond = refuse(500)
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_due()
    sent = len(receiver.requests)
    await system.webhooks.decide(endpoint, partial(disable, reason="developer"), cause=CAUSE)
    assert set(await system.outcomes()) == {("skipped", "endpoint_disabled")}
    await system.deliver_all()
    assert len(receiver.requests) == sent


async def test_nothing_is_sent_to_an_endpoint_that_was_removed_meanwhile(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    await system.schedule(await system.request(*TO_COMPLETED))
    database = system.store.database
    await database.get_collection("webhook_endpoints").delete_one({"_id": endpoint})
    await system.deliver_all()
    assert receiver.requests == []
    assert await system.outcomes() == [("skipped", "endpoint_removed")]
