"""Deliveries that nobody may get any more: they end with a reason that the list tells."""

from functools import partial

from domain.webhooks.delivery import PAUSES
from domain.webhooks.endpoint import default_endpoint, disable
from events.generation import CancelRequested, GenerationErased
from tests.actors.webhooks.post_office import CAUSE, PROJECT, PostOffice
from tests.actors.webhooks.receiver import Receiver, refused, taken
from tests.actors.webhooks.test_delivering import TO_COMPLETED
from tests.actors.webhooks.test_sending import Held, calls
from tests.builders.generation import RESERVED, VALIDATED, failed, intended, started

DEFAULT = default_endpoint(PROJECT)


async def ends(administration: PostOffice) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in await administration.rows()]


async def leave(administration: PostOffice, collection: str, document: dict[str, object]) -> None:
    """Write an account as its deletion leaves it."""
    database = administration.store.client.get_default_database()
    await database.get_collection(collection).insert_one({**document, "deleted_at": administration.clock.now})


async def test_nothing_goes_out_for_a_deleted_project(administration: PostOffice, receiver: Receiver) -> None:
    await administration.register(receiver.url)
    generation = await administration.request(*TO_COMPLETED, GenerationErased(), webhook=receiver.url)
    await administration.schedule(generation)
    await leave(administration, "projects", {"_id": PROJECT})
    await administration.work_until_done()
    assert receiver.requests == []
    assert set(await ends(administration)) == {("skipped", "project_deleted")}


async def test_nothing_but_the_erasure_is_told_of_a_deleted_user(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.register(receiver.url, ["generation.completed", "generation.erased"])
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await leave(administration, "users", {"_id": "usr-1", "project_id": PROJECT})
    await administration.work_until_done()
    assert await ends(administration) == [("skipped", "user_deleted")] * 2
    await administration.record(generation, GenerationErased())
    await administration.schedule(generation)
    await administration.work_until_done()
    assert receiver.types == ["erased"]


async def test_another_project_is_not_mistaken_for_the_deleted_one(
    administration: PostOffice, receiver: Receiver
) -> None:
    await leave(administration, "projects", {"_id": "prj-2"})
    await leave(administration, "users", {"_id": "usr-1", "project_id": "prj-2"})
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
    await administration.work_until_done()
    assert receiver.types == ["completed"]


async def test_of_a_generation_that_shall_be_erased_only_the_erasure_is_told(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.register(receiver.url)
    receiver.answer = refused(503)
    generation = await administration.request(VALIDATED, RESERVED, intended(), started())
    await administration.schedule(generation)
    await administration.work()
    sent = len(receiver.requests)
    receiver.answer = taken
    facts = (CancelRequested(erase=True), failed("canceled", "completion"), GenerationErased())
    await administration.record(generation, *facts)
    await administration.schedule(generation)
    await administration.work_until_done()
    assert [received.type for received in receiver.requests[sent:]] == ["erased"]
    told = {
        row.type.removeprefix("generation."): (row.state, row.reason) for row in await administration.rows()
    }
    assert told.pop("erased") == ("delivered", None)
    assert set(told.values()) == {("skipped", "generation_deleted")}


async def kept(administration: PostOffice, generation: str) -> list[tuple[str, str, list[str]]]:
    """Read what a generation's deliveries tell: their state, host and answers."""
    rows = await administration.rows({"generation": generation})
    return [(row.state, row.host, [attempt.response for attempt in row.attempts]) for row in rows]


async def test_of_an_erased_generation_neither_its_receiver_nor_an_answer_is_kept(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda received: (taken if received.type == "started" else refused(500))(received)
    generation = await administration.request(
        *TO_COMPLETED, webhook=receiver.url, filters=["start", "completed"]
    )
    other = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation, other)
    await administration.work()
    await administration.record(generation, GenerationErased())
    for _ in range(2):
        await administration.webhooks.forget(PROJECT, generation)
    host = administration.webhooks.host_of(receiver.url)
    assert await kept(administration, generation) == [("delivered", "", [""]), ("skipped", "", [""])]
    assert await kept(administration, other) == [("pending", host, ["no: 500"])]


async def test_an_answer_that_comes_after_the_erasure_is_not_kept(
    administration: PostOffice, receiver: Receiver
) -> None:
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    line = Held(administration.dial)
    sender = administration.sender(line)
    await sender.round()
    await calls(line, 1)
    await administration.record(generation, GenerationErased())
    await administration.webhooks.forget(PROJECT, generation)
    line.open.set()
    await sender.idle()
    [row] = await administration.rows()
    assert (row.state, row.host) == ("skipped", "")
    assert [(attempt.status, attempt.response) for attempt in row.attempts] == [(200, "")]


async def test_what_ends_because_its_owner_left_keeps_neither_receiver_nor_answer(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(500)
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work()
    await leave(administration, "users", {"_id": "usr-1", "project_id": PROJECT})
    await administration.work_until_done()
    [row] = await administration.rows()
    assert (row.reason, row.host, [attempt.response for attempt in row.attempts]) == (
        "user_deleted",
        "",
        [""],
    )


async def test_the_word_of_an_erasure_goes_out_at_once_whatever_waited_before_it(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.register(receiver.url, ["generation.completed", "generation.erased"])
    receiver.answer = refused(500)
    generation = await administration.request(*TO_COMPLETED, GenerationErased())
    await administration.schedule(generation)
    await administration.webhooks.forget(PROJECT, generation)
    receiver.answer = taken
    await administration.work()
    assert receiver.types == ["erased"]


async def test_what_was_resent_too_late_says_why_it_was_not_sent(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(500)
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work_until_done()
    [row] = await administration.rows()
    assert (row.state, row.reason) == ("failed", "exhausted")
    await administration.record(generation, GenerationErased())
    again = await administration.webhooks.deliveries.resend(
        PROJECT, DEFAULT, row.id, administration.clock.now
    )
    assert again is not None
    assert (again.state, again.reason) == ("pending", None)
    await administration.work_until_done()
    assert await ends(administration) == [("skipped", "generation_deleted")]
    assert len(receiver.requests) == len(PAUSES)


async def test_what_waits_for_an_endpoint_that_is_disabled_ends_at_once(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url)
    receiver.answer = refused(500)
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work()
    sent = len(receiver.requests)
    await administration.webhooks.decide(endpoint, partial(disable, reason="developer"), cause=CAUSE)
    assert set(await ends(administration)) == {("skipped", "endpoint_disabled")}
    await administration.work_until_done()
    assert len(receiver.requests) == sent


async def test_what_is_scheduled_for_an_endpoint_that_was_removed_meanwhile_is_not_sent(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.completed"])
    await administration.schedule(await administration.request(*TO_COMPLETED))
    database = administration.store.client.get_default_database()
    await database.get_collection("webhook_endpoints").delete_one({"_id": endpoint})
    await administration.work_until_done()
    assert receiver.requests == []
    assert await ends(administration) == [("skipped", "endpoint_removed")]
