"""Signed webhooks, and their faults."""

import asyncio
from typing import Any

import pytest
from replicate.webhook import InvalidSignatureError, InvalidTimestampError, Webhooks
from standardwebhooks import Webhook, WebhookVerificationError


async def test_start_and_completed_arrive_signed_for_both_libraries(sandbox: Any, receiver: Any) -> None:
    url = receiver.url + "?g=abc&a=1"
    made = (await sandbox.post(webhook=url, webhook_events_filter=["start", "completed"])).json()
    hooks = await receiver.until(2)
    secret = await sandbox.client.webhooks.default.async_secret()
    for hook in hooks:
        Webhooks.validate(headers=hook.headers, body=hook.body, secret=secret, tolerance=300)
        assert Webhook(secret.key).verify(hook.body, hook.headers)["id"] == made["id"]
    assert [hook.json["status"] for hook in hooks] == ["processing", "succeeded"]
    assert hooks[1].json == (await sandbox.http.get(made["urls"]["get"])).json()
    assert hooks[1].json["webhook"] == url
    assert hooks[0].headers["webhook-id"] != hooks[1].headers["webhook-id"]


async def test_without_a_filter_output_and_completed_are_sent(sandbox: Any, receiver: Any) -> None:
    await sandbox.post(webhook=receiver.url)
    hooks = await receiver.until(2)
    assert [(hook.json["status"], bool(hook.json["output"])) for hook in hooks] == [
        ("processing", True),
        ("succeeded", True),
    ]


async def test_logs_are_sent_every_half_second(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(latency_s=1.8)
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["logs", "completed"])
    hooks = await receiver.until_final()
    logs = [hook.json["logs"] for hook in hooks]
    assert {hook.json["status"] for hook in hooks[:-1]} == {"processing"}
    assert logs == sorted(logs, key=len)
    assert 3 <= len(set(logs)) == len(hooks) <= 4


async def test_only_the_final_webhook_is_sent_again_under_the_same_id(sandbox: Any, receiver: Any) -> None:
    receiver.statuses = [500, 302]
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["start", "completed"])
    start, final, again = await receiver.until(3)
    assert [hook.json["status"] for hook in (start, final, again)] == ["processing", "succeeded", "succeeded"]
    assert final.headers["webhook-id"] == again.headers["webhook-id"]
    assert final.body == again.body


async def test_a_canceled_prediction_is_sent_too(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(latency_s=60.0)
    made = (await sandbox.post(webhook=receiver.url, webhook_events_filter=["completed"])).json()
    await sandbox.http.post(made["urls"]["cancel"])
    (hook,) = await receiver.until(1)
    assert (hook.json["status"], hook.json["output"]) == ("canceled", None)


async def test_lost_webhooks_never_come(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="lost", times=1)
    lost = (await sandbox.post(webhook=receiver.url)).json()
    await sandbox.finished(lost["id"])
    created = (await sandbox.post(webhook=receiver.url)).json()
    hooks = await receiver.until(2)
    assert {hook.json["id"] for hook in hooks} == {created["id"]}


async def test_the_answers_to_webhooks_are_counted_by_their_fault(sandbox: Any, receiver: Any) -> None:
    receiver.statuses = [401, 404]
    await sandbox.arm(webhook="stale")
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["start", "completed"])
    await receiver.until(2)
    counted = (await sandbox.http.get("/_sandbox/callbacks")).json()["callbacks"]
    assert {"webhook": "stale", "status": 401, "count": 1} in counted


async def test_duplicates_come_five_times_under_one_id(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="duplicate")
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["completed"])
    hooks = await receiver.until(5)
    assert len({hook.headers["webhook-id"] for hook in hooks}) == 1


async def test_reordered_webhooks_start_after_the_end(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="reorder")
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["start", "output", "completed"])
    hooks = await receiver.until(3)
    assert [hook.json["status"] for hook in hooks] == ["succeeded", "processing", "processing"]


async def test_a_bad_signature_is_seen_by_both_libraries(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="bad_signature")
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["completed"])
    (hook,) = await receiver.until(1)
    secret = await sandbox.client.webhooks.default.async_secret()
    with pytest.raises(InvalidSignatureError):
        Webhooks.validate(headers=hook.headers, body=hook.body, secret=secret, tolerance=300)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(secret.key).verify(hook.body, hook.headers)


async def test_a_stale_webhook_is_well_signed_and_an_hour_old(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="stale")
    await sandbox.post(webhook=receiver.url, webhook_events_filter=["completed"])
    (hook,) = await receiver.until(1)
    secret = await sandbox.client.webhooks.default.async_secret()
    Webhooks.validate(headers=hook.headers, body=hook.body, secret=secret)
    with pytest.raises(InvalidTimestampError):
        Webhooks.validate(headers=hook.headers, body=hook.body, secret=secret, tolerance=300)


async def test_a_webhook_comes_before_the_create_is_answered(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="before_201")
    answer = await sandbox.post(webhook=receiver.url, webhook_events_filter=["completed"])
    assert answer.status_code == 201
    assert [hook.json["id"] for hook in receiver.hooks] == [answer.json()["id"]]


async def test_a_create_without_events_does_not_wait_for_a_webhook(sandbox: Any, receiver: Any) -> None:
    await sandbox.arm(webhook="before_201")
    answer = await asyncio.wait_for(sandbox.post(webhook=receiver.url, webhook_events_filter=[]), 5)
    assert (answer.status_code, receiver.hooks) == (201, [])


@pytest.mark.parametrize("webhook", ["http://127.0.0.1:1/hook", "http://127.0.0.1:99999/hook"])
async def test_an_unreachable_webhook_does_not_affect_the_prediction(sandbox: Any, webhook: str) -> None:
    made = (await sandbox.post(webhook=webhook)).json()
    assert (await sandbox.finished(made["id"]))["status"] == "succeeded"
