"""From a recorded event to a receiver that verifies it."""

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

from domain.webhooks.delivery_filter import NOT_DELIVERED, DeliveryFilter
from domain.webhooks.endpoint import default_endpoint, disable, enable, remove
from domain.webhooks.retry_schedule import PAUSES
from domain.webhooks.signature import new_secret, user_secret
from events.invocation import GenerationProgressed
from events.owner import GenerationErased, GenerationPublished
from events.webhook import (
    DeliveryExhausted,
    DeliveryFailed,
    DeliverySucceeded,
    WebhookDisabled,
    WebhookRegistered,
)
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, failed, intended, settled, started
from tests.systems.webhook_receiver import Received, Receiver, accept, refuse, silent_server
from tests.systems.webhook_system import CAUSE, PROJECT, WebhookSystem

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
    """Verify a message with three other libraries; each raises if it is not genuine."""
    headers = dict(received.headers)
    standardwebhooks.Webhook(secret).verify(received.body, headers)
    svix.webhooks.Webhook(secret).verify(received.body, headers)
    request = httpx.Request("POST", "https://receiver/", headers=headers, content=received.body)
    replicate.webhooks.validate(request=request, secret=WebhookSigningSecret(key=secret))
    replicate.webhooks.validate(
        headers=headers, body=received.body.decode(), secret=WebhookSigningSecret(key=secret), tolerance=300
    )


async def test_the_webhook_of_a_request_is_verified_by_other_libraries(
    system: WebhookSystem, receiver: Receiver
) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()

    [received] = receiver.requests
    [secret] = await system.webhook_secrets.signing(DEFAULT)
    verified(received, secret)
    verified(received, user_secret(secret, "usr-1"))
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verified(received, user_secret(secret, "usr-2"))
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
async def test_tampering_fails_the_verification(system: WebhookSystem, receiver: Receiver, tampered: str) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()
    [received] = receiver.requests
    headers, body = dict(received.headers), received.body
    [secret] = await system.webhook_secrets.signing(DEFAULT)
    match tampered:
        case "body":
            body = body.replace(b"completed", b"failed")
        case "secret":
            secret = new_secret(bytes(32))
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
    system: WebhookSystem, receiver: Receiver, filters: tuple[str, ...], types: list[str]
) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url, filters=filters)
    await system.schedule(generation)
    await system.deliver_due()
    assert receiver.types == types
    assert sorted(received.sequence for received in receiver.requests) == [
        received.sequence for received in receiver.requests
    ]


async def test_a_failure_is_sent_as_final_event(system: WebhookSystem, receiver: Receiver) -> None:
    generation = await system.request(failed("invalid_image", "validation"), webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()
    assert receiver.types == ["failed"]


async def test_an_endpoint_gets_its_visible_events_and_none_from_before_its_registration(
    system: WebhookSystem, receiver: Receiver
) -> None:
    early = await system.request(*TO_COMPLETED)
    system.advance(seconds=1)
    _, secret = await system.register(receiver.url)
    late = await system.request(*TO_COMPLETED)
    foreign = await system.request(*TO_COMPLETED, project="prj-2")
    await system.schedule(early, late, foreign)
    await system.deliver_due()
    assert receiver.types == ["requested", "validated", "started", "progressed", "completed"]
    assert {received.message["data"]["id"] for received in receiver.requests} == {late}
    for received in receiver.requests:
        verified(received, secret)


async def test_repeated_messages_create_no_second_delivery(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url, ["generation.started", "generation.completed"])
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    for _ in range(5):
        await system.schedule(generation)
        await system.deliver_due()
    assert Counter(receiver.types) == {"completed": 2, "started": 1}
    assert len({received.id for received in receiver.requests}) == 3


async def test_ten_attempts_are_made_over_seventy_five_hours_and_all_are_recorded(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    begun = system.clock.now
    moments = await system.deliver_all()

    assert len(receiver.requests) == 10
    assert [moment - begun for moment in moments] == [sum(PAUSES[: n + 2], timedelta()) for n in range(9)]
    assert timedelta(hours=75) <= moments[-1] - begun <= timedelta(hours=76)
    assert len({received.id for received in receiver.requests}) == 1
    assert len({received.body for received in receiver.requests}) == 1
    assert len({received.headers["webhook-timestamp"] for received in receiver.requests}) == 10
    [row] = await system.rows()
    assert row.state == "failed"
    assert [(attempt.number, attempt.status, attempt.error) for attempt in row.attempts] == [
        (n, 500, "status") for n in range(1, 11)
    ]
    assert {attempt.response for attempt in row.attempts} == {"no: 500"}
    facts = await system.delivery_events(generation)
    assert [type(fact) for fact in facts] == [DeliveryFailed] * 10 + [DeliveryExhausted]
    assert [fact.attempt for fact in facts if isinstance(fact, DeliveryFailed)] == list(range(1, 11))


async def test_a_recovered_receiver_gets_the_message_at_the_next_attempt(
    system: WebhookSystem, receiver: Receiver
) -> None:
    receiver.respond = refuse(503)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()
    receiver.respond = accept
    await system.deliver_all()
    assert len(receiver.requests) == 2
    [row] = await system.rows()
    assert (row.state, row.failures, row.due_at) == ("delivered", 0, None)
    facts = await system.delivery_events(generation)
    assert [type(fact) for fact in facts] == [DeliveryFailed, DeliverySucceeded]


@pytest.mark.parametrize(
    ("after", "wait"),
    [("3600", timedelta(hours=1)), ("1", timedelta(seconds=5)), ("nonsense", timedelta(seconds=5))],
)
async def test_retry_after_prolongs_a_pause_and_never_shortens_it(
    system: WebhookSystem, receiver: Receiver, after: str, wait: timedelta
) -> None:
    receiver.respond = refuse(429, Retry_After=after)
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    begun = system.clock.now
    await system.deliver_due()
    assert await system.next_due() == begun + wait


async def test_gone_ends_all_deliveries_of_that_request(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = refuse(410)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url, filters=["start", "completed"])
    await system.schedule(generation)
    await system.deliver_all()
    assert receiver.types == ["started"]
    ended = [(row.state, row.reason) for row in await system.rows()]
    assert ended == [("failed", "gone"), ("skipped", "gone")]


async def test_gone_ends_later_deliveries_of_that_request_too(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = refuse(410)
    filters = ["start", "progress", "completed"]
    generation = await system.request(*TO_COMPLETED[:4], webhook=receiver.url, filters=filters)
    other = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_all()
    for fact in TO_COMPLETED[4:]:
        await system.record(generation, fact)
        await system.schedule(generation)
        await system.deliver_all()
    assert receiver.types == ["started"]
    ended = [(row.state, row.reason) for row in await system.rows()]
    assert ended == [("failed", "gone"), ("skipped", "gone"), ("skipped", "gone")]

    receiver.respond = accept
    await system.schedule(other)
    await system.deliver_due()
    assert receiver.types == ["started", "completed"], "the webhook of another request continues"


async def test_deliveries_ended_by_gone_are_sent_again_on_request(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = refuse(410)
    since = system.clock.now
    generation = await system.request(*TO_COMPLETED[:4], webhook=receiver.url, filters=["start", "completed"])
    await system.schedule(generation)
    await system.deliver_all()
    system.advance(seconds=1)
    await system.record(generation, *TO_COMPLETED[4:])
    await system.schedule(generation)
    await system.deliver_all()
    receiver.respond = accept
    [_, final] = await system.rows()
    await system.deliveries.resend(PROJECT, DEFAULT, final.id, system.clock.now)
    await system.deliver_all()
    assert receiver.types == ["started", "completed"]
    await system.deliveries.restart(
        PROJECT, DEFAULT, DeliveryFilter(states=NOT_DELIVERED, since=since), system.clock.now
    )
    await system.deliver_all()
    assert receiver.types == ["started", "completed", "started"]


async def test_gone_disables_an_endpoint_at_once(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    receiver.respond = refuse(410)
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_all()
    found = await system.registered(endpoint)
    assert found.endpoint.disabled == "gone"
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_all()
    assert len(receiver.requests) == 1
    assert [type(fact) for fact in await system.endpoint_events(endpoint)] == [
        WebhookRegistered,
        WebhookDisabled,
    ]


async def test_five_days_of_failures_disable_an_endpoint(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    receiver.respond = refuse(500)
    begun = system.clock.now
    for _ in range(7):
        await system.schedule(await system.request(*TO_COMPLETED))
        await system.deliver_due()
        system.advance(days=1)
    [_, disabled] = await system.endpoint_events(endpoint)
    assert isinstance(disabled, WebhookDisabled)
    assert disabled.reason == "failing"
    assert disabled.failing_since == begun
    assert await system.next_due() is None


async def test_an_enabled_endpoint_gets_its_full_time_again(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    receiver.respond = refuse(500)
    for _ in range(6):
        await system.schedule(await system.request(*TO_COMPLETED))
        await system.deliver_due()
        system.advance(days=1)
    assert len(await system.endpoint_events(endpoint)) == 2
    await system.webhooks.decide(endpoint, enable, cause=CAUSE)
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_due()
    found = await system.registered(endpoint)
    assert (found.endpoint.disabled, found.failing_since) == (None, system.clock.now)


async def test_one_success_in_between_keeps_an_endpoint_enabled(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.completed"])
    for day in range(9):
        receiver.respond = accept if day == 4 else refuse(500)
        await system.schedule(await system.request(*TO_COMPLETED))
        await system.deliver_due()
        system.advance(days=1)
    assert len(await system.endpoint_events(endpoint)) == 1


async def test_old_and_new_secret_sign_for_a_day_after_a_rotation(system: WebhookSystem, receiver: Receiver) -> None:
    endpoint, old = await system.register(receiver.url, ["generation.completed"])
    new, until = await system.webhook_secrets.rotate(endpoint)
    assert until == system.clock.now + timedelta(hours=24)
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_due()
    [received] = receiver.requests
    versions = [signature.partition(",")[0] for signature in received.headers["webhook-signature"].split(" ")]
    assert versions == ["v1", "v1", "v1a"]
    verified(received, old)
    verified(received, new)
    system.advance(hours=24)
    assert list(await system.webhook_secrets.signing(endpoint)) == [new]


async def test_a_disabled_endpoint_gets_skipped_events_only_by_recovery(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoint, _ = await system.register(receiver.url, ["generation.started", "generation.completed"])
    await system.webhooks.decide(endpoint, partial(disable, reason="developer"), cause=CAUSE)
    since = system.clock.now
    generation = await system.request(*TO_COMPLETED)
    await system.schedule(generation)
    await system.webhooks.decide(endpoint, enable, cause=CAUSE)
    await system.deliver_all()
    assert receiver.types == []
    missed = [(row.state, row.reason) for row in await system.rows()]
    assert missed == [("skipped", "endpoint_disabled")] * 2
    recovered = await system.deliveries.restart(
        PROJECT, endpoint, DeliveryFilter(states=NOT_DELIVERED, since=since), system.clock.now
    )
    assert recovered == 2
    await system.deliver_all()
    assert receiver.types == ["started", "completed"]
    assert (
        await system.deliveries.restart(
            PROJECT, endpoint, DeliveryFilter(states=NOT_DELIVERED, since=since), system.clock.now
        )
        == 0
    )


async def test_a_resend_keeps_the_id_and_starts_new_attempts(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = refuse(500)
    await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
    await system.deliver_all()
    [row] = await system.rows()
    receiver.respond = accept
    assert await system.deliveries.resend(PROJECT, DEFAULT, row.id, system.clock.now)
    await system.deliver_all()
    [row] = await system.rows()
    assert (row.state, len(row.attempts)) == ("delivered", 11)
    assert len({received.id for received in receiver.requests}) == 1
    assert await system.deliveries.resend("prj-2", DEFAULT, row.id, system.clock.now) is None


async def test_nothing_is_sent_for_an_erased_generation(system: WebhookSystem, receiver: Receiver) -> None:
    receiver.respond = refuse(500)
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    await system.schedule(generation)
    await system.deliver_due()
    await system.record(generation, GenerationErased())
    await system.personal_data.erase(generation)
    await system.deliver_all()
    assert len(receiver.requests) == 1
    assert [(row.state, row.reason) for row in await system.rows()] == [("skipped", "generation_deleted")]


async def test_a_removed_endpoint_leaves_neither_url_nor_secret_nor_deliveries(
    system: WebhookSystem, receiver: Receiver
) -> None:
    endpoint, _ = await system.register(receiver.url)
    await system.schedule(await system.request(*TO_COMPLETED))
    await system.deliver_due()
    await system.webhooks.decide(endpoint, remove, cause=CAUSE)
    database = system.store.database
    for name in ("webhook_endpoints", "webhook_secrets", "webhook_deliveries"):
        assert await database.get_collection(name).count_documents({}) == 0
    assert await system.endpoints.get(endpoint) is None


async def test_the_log_holds_neither_url_nor_secret_nor_response(system: WebhookSystem, receiver: Receiver) -> None:
    url = f"{receiver.url}?token=heliotrope"
    endpoint, secret = await system.register(url)
    receiver.respond = refuse(500)
    await system.schedule(await system.request(*TO_COMPLETED, webhook=url))
    await system.deliver_due()
    bodies = b"".join([commit.body async for commit in system.store.events.commits()])
    assert endpoint.encode() in bodies
    for word in (b"heliotrope", b"127.0.0.1", b"no: 500", secret.encode(), b"whsec"):
        assert word not in bodies


async def test_an_event_older_than_the_retention_is_not_scheduled(system: WebhookSystem, receiver: Receiver) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url)
    system.advance(days=system.settings.keep_days + 1)
    await system.schedule(generation)
    assert await system.rows() == []


async def test_events_behind_the_final_one_are_sent_too(system: WebhookSystem, receiver: Receiver) -> None:
    await system.register(receiver.url, ["generation.completed", "generation.published"])
    await system.schedule(await system.request(*TO_COMPLETED, GenerationPublished(is_public=True)))
    await system.deliver_due()
    assert receiver.types == ["completed", "published"]


async def test_an_attempt_that_times_out_is_repeated(system: WebhookSystem) -> None:
    async with silent_server() as receiver:
        await system.schedule(await system.request(*TO_COMPLETED, webhook=receiver.url))
        await system.deliver_due()
    [row] = await system.rows()
    assert [(attempt.status, attempt.error) for attempt in row.attempts] == [(None, "timeout")]
    assert row.state == "pending"


async def test_a_forbidden_address_is_a_failed_attempt(system: WebhookSystem) -> None:
    await system.schedule(await system.request(*TO_COMPLETED, webhook="https://127.0.0.2/hook"))
    await system.deliver_due()
    [row] = await system.rows()
    assert [attempt.error for attempt in row.attempts] == ["forbidden"]
