"""Deliveries that nobody may get any more: they end with a reason that the list tells."""

from functools import partial

from domain.webhooks.delivery import PAUSES
from domain.webhooks.endpoint import default_endpoint, disable
from events.generation import CancelRequested, GenerationErased
from tests.actors.webhooks.post_office import CAUSE, PROJECT, PostOffice
from tests.actors.webhooks.receiver import Receiver, refused, taken
from tests.actors.webhooks.test_delivering import TO_COMPLETED
from tests.actors.webhooks.test_sending import Held, calls
from tests.domain.given import RESERVED, VALIDATED, failed, intended, started

DEFAULT = default_endpoint(PROJECT)


async def ends(office: PostOffice) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in await office.rows()]


async def leave(office: PostOffice, collection: str, document: dict[str, object]) -> None:
    """Write an account as its deletion leaves it."""
    database = office.store.client.get_default_database()
    await database.get_collection(collection).insert_one({**document, "deleted_at": office.clock.now})


async def test_nothing_goes_out_for_a_deleted_project(office: PostOffice, receiver: Receiver) -> None:
    await office.register(receiver.url)
    generation = await office.request(*TO_COMPLETED, GenerationErased(), webhook=receiver.url)
    await office.schedule(generation)
    await leave(office, "projects", {"_id": PROJECT})
    await office.work_until_done()
    assert receiver.requests == []
    assert set(await ends(office)) == {("skipped", "project_deleted")}


async def test_nothing_but_the_erasure_is_told_of_a_deleted_user(
    office: PostOffice, receiver: Receiver
) -> None:
    await office.register(receiver.url, ["generation.completed", "generation.erased"])
    generation = await office.request(*TO_COMPLETED, webhook=receiver.url)
    await office.schedule(generation)
    await leave(office, "users", {"_id": "usr-1", "project_id": PROJECT})
    await office.work_until_done()
    assert await ends(office) == [("skipped", "user_deleted")] * 2
    await office.record(generation, GenerationErased())
    await office.schedule(generation)
    await office.work_until_done()
    assert receiver.types == ["erased"]


async def test_another_project_is_not_mistaken_for_the_deleted_one(
    office: PostOffice, receiver: Receiver
) -> None:
    await leave(office, "projects", {"_id": "prj-2"})
    await leave(office, "users", {"_id": "usr-1", "project_id": "prj-2"})
    await office.schedule(await office.request(*TO_COMPLETED, webhook=receiver.url))
    await office.work_until_done()
    assert receiver.types == ["completed"]


async def test_of_a_generation_that_shall_be_erased_only_the_erasure_is_told(
    office: PostOffice, receiver: Receiver
) -> None:
    await office.register(receiver.url)
    receiver.answer = refused(503)
    generation = await office.request(VALIDATED, RESERVED, intended(), started())
    await office.schedule(generation)
    await office.work()
    sent = len(receiver.requests)
    receiver.answer = taken
    facts = (CancelRequested(erase=True), failed("canceled", "completion"), GenerationErased())
    await office.record(generation, *facts)
    await office.schedule(generation)
    await office.work_until_done()
    assert [received.type for received in receiver.requests[sent:]] == ["erased"]
    told = {row.type.removeprefix("generation."): (row.state, row.reason) for row in await office.rows()}
    assert told.pop("erased") == ("delivered", None)
    assert set(told.values()) == {("skipped", "generation_deleted")}


async def kept(office: PostOffice, generation: str) -> list[tuple[str, str, list[str]]]:
    """Read what a generation's deliveries tell: their state, host and answers."""
    rows = await office.rows({"generation": generation})
    return [(row.state, row.host, [attempt.response for attempt in row.attempts]) for row in rows]


async def test_of_an_erased_generation_neither_its_receiver_nor_an_answer_is_kept(
    office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = lambda received: (taken if received.type == "started" else refused(500))(received)
    generation = await office.request(*TO_COMPLETED, webhook=receiver.url, filters=["start", "completed"])
    other = await office.request(*TO_COMPLETED, webhook=receiver.url)
    await office.schedule(generation, other)
    await office.work()
    await office.record(generation, GenerationErased())
    for _ in range(2):
        await office.webhooks.forget(PROJECT, generation)
    host = office.webhooks.host_of(receiver.url)
    assert await kept(office, generation) == [("delivered", "", [""]), ("skipped", "", [""])]
    assert await kept(office, other) == [("pending", host, ["no: 500"])]


async def test_an_answer_that_comes_after_the_erasure_is_not_kept(
    office: PostOffice, receiver: Receiver
) -> None:
    generation = await office.request(*TO_COMPLETED, webhook=receiver.url)
    await office.schedule(generation)
    line = Held(office.dial)
    sender = office.sender(line)
    await sender.round()
    await calls(line, 1)
    await office.record(generation, GenerationErased())
    await office.webhooks.forget(PROJECT, generation)
    line.open.set()
    await sender.idle()
    [row] = await office.rows()
    assert (row.state, row.host) == ("skipped", "")
    assert [(attempt.status, attempt.response) for attempt in row.attempts] == [(200, "")]


async def test_what_ends_because_its_owner_left_keeps_neither_receiver_nor_answer(
    office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(500)
    generation = await office.request(*TO_COMPLETED, webhook=receiver.url)
    await office.schedule(generation)
    await office.work()
    await leave(office, "users", {"_id": "usr-1", "project_id": PROJECT})
    await office.work_until_done()
    [row] = await office.rows()
    assert (row.reason, row.host, [attempt.response for attempt in row.attempts]) == (
        "user_deleted",
        "",
        [""],
    )


async def test_the_word_of_an_erasure_goes_out_at_once_whatever_waited_before_it(
    office: PostOffice, receiver: Receiver
) -> None:
    await office.register(receiver.url, ["generation.completed", "generation.erased"])
    receiver.answer = refused(500)
    generation = await office.request(*TO_COMPLETED, GenerationErased())
    await office.schedule(generation)
    await office.webhooks.forget(PROJECT, generation)
    receiver.answer = taken
    await office.work()
    assert receiver.types == ["erased"]


async def test_what_was_resent_too_late_says_why_it_was_not_sent(
    office: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(500)
    generation = await office.request(*TO_COMPLETED, webhook=receiver.url)
    await office.schedule(generation)
    await office.work_until_done()
    [row] = await office.rows()
    assert (row.state, row.reason) == ("failed", "exhausted")
    await office.record(generation, GenerationErased())
    again = await office.webhooks.deliveries.resend(PROJECT, DEFAULT, row.id, office.clock.now)
    assert again is not None
    assert (again.state, again.reason) == ("pending", None)
    await office.work_until_done()
    assert await ends(office) == [("skipped", "generation_deleted")]
    assert len(receiver.requests) == len(PAUSES)


async def test_what_waits_for_an_endpoint_that_is_disabled_ends_at_once(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await office.register(receiver.url)
    receiver.answer = refused(500)
    await office.schedule(await office.request(*TO_COMPLETED))
    await office.work()
    sent = len(receiver.requests)
    await office.webhooks.decide(endpoint, partial(disable, reason="developer"), cause=CAUSE)
    assert set(await ends(office)) == {("skipped", "endpoint_disabled")}
    await office.work_until_done()
    assert len(receiver.requests) == sent


async def test_what_is_scheduled_for_an_endpoint_that_was_removed_meanwhile_is_not_sent(
    office: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await office.register(receiver.url, ["generation.completed"])
    await office.schedule(await office.request(*TO_COMPLETED))
    database = office.store.client.get_default_database()
    await database.get_collection("webhook_endpoints").delete_one({"_id": endpoint})
    await office.work_until_done()
    assert receiver.requests == []
    assert await ends(office) == [("skipped", "endpoint_removed")]
