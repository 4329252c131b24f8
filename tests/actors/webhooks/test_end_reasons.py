"""Deliveries that nobody may get any more: they end with a reason that the list tells."""

from functools import partial

from domain.webhooks.delivery import PAUSES
from domain.webhooks.endpoint import default_endpoint, disable
from events.generation import CancelRequested, GenerationErased
from tests.actors.webhooks.system import CAUSE, PROJECT, WebhookSystem
from tests.actors.webhooks.receiver import Receiver, refuse, accept
from tests.actors.webhooks.test_delivery import TO_COMPLETED
from tests.actors.webhooks.test_sender import Held, calls
from tests.builders.generation import RESERVED, VALIDATED, failed, intended, started

DEFAULT = default_endpoint(PROJECT)


async def ends(system: WebhookSystem) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in await system.rows()]


async def leave(system: WebhookSystem, collection: str, document: dict[str, object]) -> None:
    """Write an account as its deletion leaves it."""
    database = system.store.database
    await database.get_collection(collection).insert_one({**document, "deleted_at": system.clock.now})


async def test_nothing_goes_out_for_a_deleted_project(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url)
    generation = await system.request(*TO_COMPLETED, GenerationErased(), webhook=receiver.url)
    await system.schedule(generation)
    await leave(system, "projects", {"_id": PROJECT})
    await system.deliver_all()
    assert receiver.requests == []
    assert set(await ends(system)) == {("skipped", "project_deleted")}


async def test_nothing_but_the_erasure_is_told_of_a_deleted_user(
    system: WebhookSystem, receiver: Receiver
) -> None:
    await system.register(receiver.url, ["generation.completed", "generation.erased"])
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await leave(system, "users", {"_id": "usr-1", "project_id": PROJECT})
    await system.deliver_all()
    assert await ends(system) == [("skipped", "user_deleted")] * 2
    await system.record(generation, GenerationErased())
    await system.schedule(generation)
    await system.deliver_all()
    assert receiver.types == ["erased"]


async def test_another_project_is_not_mistaken_for_the_deleted_one(
    system: WebhookSystem, receiver: Receiver
) -> None:
    await leave(system, "projects", {"_id": "prj-2"})
    await leave(system, "users", {"_id": "usr-1", "project_id": "prj-2"})
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    await system.deliver_all()
    assert receiver.types == ["completed"]


async def test_of_a_generation_that_shall_be_erased_only_the_erasure_is_told(
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
    response = {
        row.type.removeprefix("generation."): (row.state, row.reason) for row in await system.rows()
    }
    assert response.pop("erased") == ("delivered", None)
    assert set(response.values()) == {("skipped", "generation_deleted")}


async def kept(system: WebhookSystem, generation: str) -> list[tuple[str, str, list[str]]]:
    """Read what a generation's deliveries tell: their state, host and answers."""
    rows = await system.rows({"generation": generation})
    return [(row.state, row.host, [attempt.response for attempt in row.attempts]) for row in rows]


async def test_of_an_erased_generation_neither_its_receiver_nor_an_answer_is_kept(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = lambda received: (accept if received.type == "started" else refuse(500))(received)
    generation = await system.request(
        *TO_COMPLETED, webhook=receiver.url, filters=["start", "completed"]
    )
    other = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation, other)
    await system.deliver_due()
    await system.record(generation, GenerationErased())
    for _ in range(2):
        await system.webhooks.forget(PROJECT, generation)
    host = system.host_of(receiver.url)
    assert await kept(system, generation) == [("delivered", "", [""]), ("skipped", "", [""])]
    assert await kept(system, other) == [("pending", host, ["no: 500"])]


async def test_an_answer_that_comes_after_the_erasure_is_not_kept(
    system: WebhookSystem, receiver: Receiver
) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    line = Held(system.dial)
    sender = system.sender(line)
    await sender.send_due()
    await calls(line, 1)
    await system.record(generation, GenerationErased())
    await system.webhooks.forget(PROJECT, generation)
    line.open.set()
    await sender.idle()
    [row] = await system.rows()
    assert (row.state, row.host) == ("skipped", "")
    assert [(attempt.status, attempt.response) for attempt in row.attempts] == [(200, "")]


async def test_what_ends_because_its_owner_left_keeps_neither_receiver_nor_answer(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()
    await leave(system, "users", {"_id": "usr-1", "project_id": PROJECT})
    await system.deliver_all()
    [row] = await system.rows()
    assert (row.reason, row.host, [attempt.response for attempt in row.attempts]) == (
        "user_deleted",
        "",
        [""],
    )


async def test_the_word_of_an_erasure_goes_out_at_once_whatever_waited_before_it(
    system: WebhookSystem, receiver: Receiver
) -> None:
    await system.register(receiver.url, ["generation.completed", "generation.erased"])
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, GenerationErased())
    await system.schedule(generation)
    await system.webhooks.forget(PROJECT, generation)
    receiver.respond = accept
    await system.deliver_due()
    assert receiver.types == ["erased"]


async def test_what_was_resent_too_late_says_why_it_was_not_sent(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_all()
    [row] = await system.rows()
    assert (row.state, row.reason) == ("failed", "exhausted")
    await system.record(generation, GenerationErased())
    again = await system.deliveries.resend(
        PROJECT, DEFAULT, row.id, system.clock.now
    )
    assert again is not None
    assert (again.state, again.reason) == ("pending", None)
    await system.deliver_all()
    assert await ends(system) == [("skipped", "generation_deleted")]
    assert len(receiver.requests) == len(PAUSES)


async def test_what_waits_for_an_endpoint_that_is_disabled_ends_at_once(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoint, _ = await system.register(receiver.url)
    receiver.respond = refuse(500)
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_due()
    sent = len(receiver.requests)
    await system.webhooks.decide(endpoint, partial(disable, reason="developer"), cause=CAUSE)
    assert set(await ends(system)) == {("skipped", "endpoint_disabled")}
    await system.deliver_all()
    assert len(receiver.requests) == sent


async def test_what_is_scheduled_for_an_endpoint_that_was_removed_meanwhile_is_not_sent(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    await system.schedule(await system.request(*TO_COMPLETED))
    database = system.store.database
    await database.get_collection("webhook_endpoints").delete_one({"_id": endpoint})
    await system.deliver_all()
    assert receiver.requests == []
    assert await ends(system) == [("skipped", "endpoint_removed")]
