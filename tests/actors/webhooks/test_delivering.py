"""From a recorded event to a receiver that believes it."""

import json
from collections import Counter
from datetime import timedelta
from functools import partial

import httpx
import pytest
import replicate
import standardwebhooks
import svix.webhooks
from replicate.webhook import WebhookSigningSecret

from domain.webhooks.delivery import PAUSES
from domain.webhooks.endpoint import default_endpoint, disable, enable, remove
from events.generation import GenerationErased, GenerationProgressed, GenerationPublished
from events.webhook import (
    DeliveryExhausted,
    DeliveryFailed,
    DeliverySucceeded,
    WebhookDisabled,
    WebhookRegistered,
)
from tests.actors.webhooks.post_office import CAUSE, PROJECT, PostOffice
from tests.actors.webhooks.receiver import Received, Receiver, refused, silence, taken
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, failed, intended, settled, started

TO_COMPLETED = (
    VALIDATED,
    RESERVED,
    intended(),
    started(),
    GenerationProgressed(percent=50),
    settled(),
    COMPLETED,
)
DEFAULT = default_endpoint(PROJECT)


def verified(received: Received, secret: str) -> None:
    """Let three foreign libraries judge a message; each raises if it is not genuine."""
    headers = dict(received.headers)
    standardwebhooks.Webhook(secret).verify(received.body, headers)
    svix.webhooks.Webhook(secret).verify(received.body, headers)
    request = httpx.Request("POST", "https://receiver/", headers=headers, content=received.body)
    replicate.webhooks.validate(request=request, secret=WebhookSigningSecret(key=secret))
    replicate.webhooks.validate(
        headers=headers, body=received.body.decode(), secret=WebhookSigningSecret(key=secret), tolerance=300
    )


async def test_the_webhook_of_a_request_is_believed_by_foreign_libraries(
    administration: PostOffice, receiver: Receiver
) -> None:
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work()

    [received] = receiver.requests
    [secret] = await administration.webhooks.signing(DEFAULT)
    verified(received, secret)
    assert received.headers["Content-Type"] == "application/json"
    assert received.sequence == 8
    message = received.message
    assert set(message) == {"type", "timestamp", "data"}
    assert message["type"] == "generation.completed"
    data = message["data"]
    assert {name: data[name] for name in ("id", "status", "project_id", "version", "user_id", "url")} == {
        "id": generation,
        "status": "completed",
        "project_id": PROJECT,
        "user_id": "usr-1",
        "version": 8,
        "url": f"https://api.example.com/api/v1/generation/generations-v2/{generation}",
    }
    assert data["event"]["id"] == f"generation-{generation}:8"
    assert "digest" not in json.dumps(data["event"])


@pytest.mark.parametrize("tampered", ["webhook-id", "webhook-timestamp", "body", "secret"])
async def test_whatever_is_tampered_with_is_noticed(
    administration: PostOffice, receiver: Receiver, tampered: str
) -> None:
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work()
    [received] = receiver.requests
    headers, body = dict(received.headers), received.body
    [secret] = await administration.webhooks.signing(DEFAULT)
    match tampered:
        case "body":
            body = body.replace(b"completed", b"failed")
        case "secret":
            secret = administration.webhooks.secrets.mint()
        case "webhook-timestamp":
            headers[tampered] = str(int(headers[tampered]) + 1)
        case _:
            headers[tampered] += "x"
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body, headers)


@pytest.mark.parametrize(
    ("filters", "types"),
    [
        ((), ["completed"]),
        (("completed",), ["completed"]),
        (("start",), ["started"]),
        (("start", "progress", "completed"), ["started", "progressed", "completed"]),
    ],
)
async def test_a_request_gets_the_events_of_its_filter_in_order(
    administration: PostOffice, receiver: Receiver, filters: tuple[str, ...], types: list[str]
) -> None:
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url, filters=filters)
    await administration.schedule(generation)
    await administration.work()
    assert receiver.types == types
    assert sorted(received.sequence for received in receiver.requests) == [
        received.sequence for received in receiver.requests
    ]


async def test_a_failure_is_final_too(administration: PostOffice, receiver: Receiver) -> None:
    generation = await administration.request(failed("invalid_image", "validation"), webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work()
    assert receiver.types == ["failed"]


async def test_an_endpoint_gets_every_visible_event_it_asked_for_and_nothing_from_before(
    administration: PostOffice, receiver: Receiver
) -> None:
    early = await administration.request(*TO_COMPLETED)
    administration.forward(seconds=1)
    _, secret = await administration.register(receiver.url)
    late = await administration.request(*TO_COMPLETED)
    foreign = await administration.request(*TO_COMPLETED, project="prj-2")
    await administration.schedule(early, late, foreign)
    await administration.work()
    assert receiver.types == ["requested", "validated", "started", "progressed", "completed"]
    assert {received.message["data"]["id"] for received in receiver.requests} == {late}
    for received in receiver.requests:
        verified(received, secret)


async def test_repeated_and_reordered_messages_create_nothing_twice(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.register(receiver.url, ["generation.started", "generation.completed"])
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    for _ in range(5):
        await administration.schedule(generation)
        await administration.work()
    assert Counter(receiver.types) == {"completed": 2, "started": 1}
    assert len({received.id for received in receiver.requests}) == 3


async def test_ten_attempts_are_made_over_seventy_five_hours_and_all_are_told(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(500)
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    begun = administration.clock.now
    moments = await administration.work_until_done()

    assert len(receiver.requests) == 10
    assert [moment - begun for moment in moments] == [sum(PAUSES[: n + 2], timedelta()) for n in range(9)]
    assert timedelta(hours=75) <= moments[-1] - begun <= timedelta(hours=76)
    assert len({received.id for received in receiver.requests}) == 1
    assert len({received.body for received in receiver.requests}) == 1
    assert len({received.headers["webhook-timestamp"] for received in receiver.requests}) == 10
    [row] = await administration.rows()
    assert row.state == "failed"
    assert [(attempt.number, attempt.status, attempt.error) for attempt in row.attempts] == [
        (n, 500, "status") for n in range(1, 11)
    ]
    assert {attempt.response for attempt in row.attempts} == {"no: 500"}
    facts = await administration.told(generation)
    assert [type(fact) for fact in facts] == [DeliveryFailed] * 10 + [DeliveryExhausted]
    assert [fact.attempt for fact in facts if isinstance(fact, DeliveryFailed)] == list(range(1, 11))


async def test_a_receiver_that_comes_back_gets_it_at_the_next_attempt(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(503)
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work()
    receiver.answer = taken
    await administration.work_until_done()
    assert len(receiver.requests) == 2
    [row] = await administration.rows()
    assert (row.state, row.failures, row.due_at) == ("delivered", 0, None)
    facts = await administration.told(generation)
    assert [type(fact) for fact in facts] == [DeliveryFailed, DeliverySucceeded]


@pytest.mark.parametrize(
    ("after", "wait"),
    [("3600", timedelta(hours=1)), ("1", timedelta(seconds=5)), ("nonsense", timedelta(seconds=5))],
)
async def test_retry_after_prolongs_a_pause_and_never_shortens_it(
    administration: PostOffice, receiver: Receiver, after: str, wait: timedelta
) -> None:
    receiver.answer = refused(429, Retry_After=after)
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
    begun = administration.clock.now
    await administration.work()
    assert await administration.next_due() == begun + wait


async def test_gone_ends_everything_for_that_request(administration: PostOffice, receiver: Receiver) -> None:
    receiver.answer = refused(410)
    generation = await administration.request(
        *TO_COMPLETED, webhook=receiver.url, filters=["start", "completed"]
    )
    await administration.schedule(generation)
    await administration.work_until_done()
    assert receiver.types == ["started"]
    ended = [(row.state, row.reason) for row in await administration.rows()]
    assert ended == [("failed", "gone"), ("skipped", "gone")]


async def test_gone_ends_what_comes_later_for_that_request_too(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(410)
    filters = ["start", "progress", "completed"]
    generation = await administration.request(*TO_COMPLETED[:4], webhook=receiver.url, filters=filters)
    other = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work_until_done()
    for fact in TO_COMPLETED[4:]:
        await administration.record(generation, fact)
        await administration.schedule(generation)
        await administration.work_until_done()
    assert receiver.types == ["started"]
    ended = [(row.state, row.reason) for row in await administration.rows()]
    assert ended == [("failed", "gone"), ("skipped", "gone"), ("skipped", "gone")]

    receiver.answer = taken
    await administration.schedule(other)
    await administration.work()
    assert receiver.types == ["started", "completed"], "another request's webhook goes on"


async def test_what_was_gone_is_sent_again_when_asked_for(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(410)
    since = administration.clock.now
    generation = await administration.request(
        *TO_COMPLETED[:4], webhook=receiver.url, filters=["start", "completed"]
    )
    await administration.schedule(generation)
    await administration.work_until_done()
    administration.forward(seconds=1)
    await administration.record(generation, *TO_COMPLETED[4:])
    await administration.schedule(generation)
    await administration.work_until_done()
    receiver.answer = taken
    [_, final] = await administration.rows()
    await administration.webhooks.deliveries.resend(PROJECT, DEFAULT, final.id, administration.clock.now)
    await administration.work_until_done()
    assert receiver.types == ["started", "completed"]
    await administration.webhooks.deliveries.recover(
        PROJECT, DEFAULT, since=since, now=administration.clock.now
    )
    await administration.work_until_done()
    assert receiver.types == ["started", "completed", "started"]


async def test_gone_disables_an_endpoint_at_once(administration: PostOffice, receiver: Receiver) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.completed"])
    receiver.answer = refused(410)
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work_until_done()
    found = await administration.webhooks.rows.get(endpoint)
    assert found is not None
    assert found.endpoint.disabled == "gone"
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work_until_done()
    assert len(receiver.requests) == 1
    assert [type(fact) for fact in await administration.life(endpoint)] == [
        WebhookRegistered,
        WebhookDisabled,
    ]


async def test_days_of_nothing_but_failures_disable_an_endpoint_and_say_so(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.completed"])
    receiver.answer = refused(500)
    begun = administration.clock.now
    for _ in range(7):
        await administration.schedule(await administration.request(*TO_COMPLETED))
        await administration.work()
        administration.forward(days=1)
    [_, disabled] = await administration.life(endpoint)
    assert isinstance(disabled, WebhookDisabled)
    assert disabled.reason == "failing"
    assert disabled.failing_since == begun
    assert await administration.next_due() is None


async def test_an_endpoint_that_is_enabled_again_gets_its_days_anew(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.completed"])
    receiver.answer = refused(500)
    for _ in range(6):
        await administration.schedule(await administration.request(*TO_COMPLETED))
        await administration.work()
        administration.forward(days=1)
    assert len(await administration.life(endpoint)) == 2
    await administration.webhooks.decide(endpoint, enable, cause=CAUSE)
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work()
    found = await administration.webhooks.rows.get(endpoint)
    assert found is not None
    assert (found.endpoint.disabled, found.failing_since) == (None, administration.clock.now)


async def test_one_success_in_between_keeps_an_endpoint(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.completed"])
    for day in range(9):
        receiver.answer = taken if day == 4 else refused(500)
        await administration.schedule(await administration.request(*TO_COMPLETED))
        await administration.work()
        administration.forward(days=1)
    assert len(await administration.life(endpoint)) == 1


async def test_during_a_rotation_old_and_new_secret_are_believed_and_a_day_later_the_new_one(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, old = await administration.register(receiver.url, ["generation.completed"])
    new, until = await administration.webhooks.rotate(endpoint)
    assert until == administration.clock.now + timedelta(hours=24)
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work()
    [received] = receiver.requests
    assert len(received.headers["webhook-signature"].split(" ")) == 2
    verified(received, old)
    verified(received, new)
    administration.forward(hours=24)
    assert list(await administration.webhooks.signing(endpoint)) == [new]


async def test_a_disabled_endpoint_gets_what_it_missed_only_when_asked_for(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url, ["generation.started", "generation.completed"])
    await administration.webhooks.decide(endpoint, partial(disable, reason="developer"), cause=CAUSE)
    since = administration.clock.now
    generation = await administration.request(*TO_COMPLETED)
    await administration.schedule(generation)
    await administration.webhooks.decide(endpoint, enable, cause=CAUSE)
    await administration.work_until_done()
    assert receiver.types == []
    missed = [(row.state, row.reason) for row in await administration.rows()]
    assert missed == [("skipped", "endpoint_disabled")] * 2
    recovered = await administration.webhooks.deliveries.recover(
        PROJECT, endpoint, since=since, now=administration.clock.now
    )
    assert recovered == 2
    await administration.work_until_done()
    assert receiver.types == ["started", "completed"]
    assert (
        await administration.webhooks.deliveries.recover(
            PROJECT, endpoint, since=since, now=administration.clock.now
        )
        == 0
    )


async def test_one_delivery_is_resent_with_the_same_id_and_a_new_row_of_attempts(
    administration: PostOffice, receiver: Receiver
) -> None:
    receiver.answer = refused(500)
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
    await administration.work_until_done()
    [row] = await administration.rows()
    receiver.answer = taken
    assert await administration.webhooks.deliveries.resend(PROJECT, DEFAULT, row.id, administration.clock.now)
    await administration.work_until_done()
    [row] = await administration.rows()
    assert (row.state, len(row.attempts)) == ("delivered", 11)
    assert len({received.id for received in receiver.requests}) == 1
    assert (
        await administration.webhooks.deliveries.resend("prj-2", DEFAULT, row.id, administration.clock.now)
        is None
    )


async def test_an_erased_generation_is_not_told_of(administration: PostOffice, receiver: Receiver) -> None:
    receiver.answer = refused(500)
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    await administration.schedule(generation)
    await administration.work()
    await administration.record(generation, GenerationErased())
    await administration.personal_data.erase(generation)
    await administration.work_until_done()
    assert len(receiver.requests) == 1
    assert [(row.state, row.reason) for row in await administration.rows()] == [
        ("skipped", "generation_deleted")
    ]


async def test_a_removed_endpoint_leaves_neither_address_nor_secret_nor_deliveries(
    administration: PostOffice, receiver: Receiver
) -> None:
    endpoint, _ = await administration.register(receiver.url)
    await administration.schedule(await administration.request(*TO_COMPLETED))
    await administration.work()
    await administration.webhooks.decide(endpoint, remove, cause=CAUSE)
    database = administration.store.client.get_default_database()
    for name in ("webhook_endpoints", "webhook_secrets", "webhook_deliveries"):
        assert await database.get_collection(name).count_documents({}) == 0
    assert await administration.webhooks.rows.get(endpoint) is None


async def test_neither_address_nor_secret_nor_answer_stands_in_the_log(
    administration: PostOffice, receiver: Receiver
) -> None:
    url = f"{receiver.url}?token=heliotrope"
    endpoint, secret = await administration.register(url)
    receiver.answer = refused(500)
    await administration.schedule(await administration.request(*TO_COMPLETED, webhook=url))
    await administration.work()
    bodies = b"".join([commit.body async for commit in administration.store.events.commits()])
    assert endpoint.encode() in bodies
    for word in (b"heliotrope", b"127.0.0.1", b"no: 500", secret.encode(), b"whsec"):
        assert word not in bodies


async def test_what_is_forgotten_cannot_come_again(administration: PostOffice, receiver: Receiver) -> None:
    generation = await administration.request(*TO_COMPLETED, webhook=receiver.url)
    administration.forward(days=administration.settings.keep_days + 1)
    await administration.schedule(generation)
    assert await administration.rows() == []


async def test_later_events_of_a_final_generation_are_sent_too(
    administration: PostOffice, receiver: Receiver
) -> None:
    await administration.register(receiver.url, ["generation.completed", "generation.published"])
    await administration.schedule(
        await administration.request(*TO_COMPLETED, GenerationPublished(is_public=True))
    )
    await administration.work()
    assert receiver.types == ["completed", "published"]


async def test_a_receiver_that_times_out_is_tried_again(administration: PostOffice) -> None:
    async with silence() as receiver:
        await administration.schedule(await administration.request(*TO_COMPLETED, webhook=receiver.url))
        await administration.work()
    [row] = await administration.rows()
    assert [(attempt.status, attempt.error) for attempt in row.attempts] == [(None, "timeout")]
    assert row.state == "pending"


async def test_a_forbidden_address_is_an_attempt_that_failed(administration: PostOffice) -> None:
    await administration.schedule(
        await administration.request(*TO_COMPLETED, webhook="https://127.0.0.2/hook")
    )
    await administration.work()
    [row] = await administration.rows()
    assert [attempt.error for attempt in row.attempts] == ["forbidden"]
