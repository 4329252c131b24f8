"""The HTTP routes of webhooks, for developers and end users."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
import standardwebhooks

from domain.errors import FieldError
from domain.webhooks.delivery import pair_of
from domain.webhooks.signature import user_secret
from events.commit import Commit
from events.webhook import WebhookRegistered, WebhookRemoved
from gateway.webhooks.checks import EVENT_TYPES, check_request
from store.commits.mongo import MongoEventStore
from store.errors import WrongExpectedVersionError
from store.webhooks.deliveries import AtLimit
from tests.builders.forbidden_urls import FORBIDDEN_URLS
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, settled, started
from tests.gateway.webhooks.api import Api, open_api
from tests.systems.webhook_receiver import Receiver, accept, refuse
from tests.systems.webhook_system import WebhookSystem

SECRET_PATH = "/api/v1/webhooks/default/secret"
TO_COMPLETED = (VALIDATED, RESERVED, intended(), started(), settled(), COMPLETED)


@pytest.fixture
async def api(system: WebhookSystem) -> AsyncIterator[Api]:
    async with open_api(system) as api:
        yield api


async def test_an_endpoint_is_registered_read_changed_and_removed(api: Api, system: WebhookSystem) -> None:
    made = await api.create_endpoint("https://example.com/hook", description="ours")
    assert made["secret"].startswith("whsec_")
    assert (made["enabled"], made["event_types"]) == (True, list(EVENT_TYPES))
    one = f"/{made['id']}"
    shown = {name: value for name, value in made.items() if name != "secret"}
    assert (await api("GET", one)).body == shown
    assert (await api("GET", "")).body == {"webhooks": [shown]}

    change = {"url": "https://example.org/other", "event_types": ["generation.completed"]}
    changed = (await api("PATCH", one, change)).body
    assert (changed["url"], changed["event_types"]) == (change["url"], change["event_types"])
    assert changed["description"] == "ours"
    assert (await api("PATCH", one, {"description": None})).body["description"] is None

    assert (await api("DELETE", one)).status == 204
    assert (await api("GET", one)).status == 404
    assert (await api("DELETE", one)).status == 404
    life = await system.endpoint_events(made["id"])
    assert (type(life[0]), type(life[-1])) == (WebhookRegistered, WebhookRemoved)


@pytest.mark.parametrize("fault", [{"url": "http://10.0.0.1/"}, {"event_types": ["generation.imagined"]}], ids=str)
async def test_a_refused_update_changes_nothing(api: Api, fault: dict[str, object]) -> None:
    made = await api.create_endpoint("https://example.com/hook", description="ours")
    before = (await api("GET", f"/{made['id']}")).body
    change = {"url": "https://example.org/other", "description": "other", "enabled": False, **fault}
    assert (await api("PATCH", f"/{made['id']}", change)).status == 422
    assert (await api("GET", f"/{made['id']}")).body == before


async def test_pending_deliveries_are_counted_at_the_new_host_after_a_url_change(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url, event_types=["generation.completed"])
    receiver.respond = refuse(500)
    await system.schedule(await system.request(*TO_COMPLETED, project=api.tenant.project_id))
    await system.deliver_due()
    await api("PATCH", f"/{made['id']}", {"url": "https://example.org/other"})
    [row] = await system.rows()
    assert row.host == system.host_of("https://example.org/other")
    at_limit = AtLimit(pairs=frozenset({pair_of(row.project, row.host)}))
    system.advance(days=1)
    assert not await system.deliveries.due(system.clock.now, excluding=at_limit, limit=1)


async def test_an_endpoint_is_disabled_and_enabled(api: Api) -> None:
    one = f"/{(await api.create_endpoint('https://example.com/hook'))['id']}"
    off = (await api("POST", f"{one}/disable")).body
    assert (off["enabled"], off["disabled_reason"]) == (False, "developer")
    assert (await api("POST", f"{one}/disable")).body["version"] == off["version"], "a repeat records no event"
    assert (await api("PATCH", one, {"enabled": True})).body["enabled"]
    assert not (await api("PATCH", one, {"enabled": False})).body["enabled"]
    assert (await api("POST", f"{one}/enable")).body["enabled"]


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ({}, "url"),
        ({"url": ""}, "url"),
        ({"url": "https://example.com/", "event_types": ["generation.imagined"]}, "event_types"),
        ({"url": "https://example.com/", "event_types": ["generation.quota_reserved"]}, "event_types"),
        ({"url": "https://example.com/", "event_types": []}, "event_types"),
        ({"url": "https://example.com/", "description": "x" * 1001}, "description"),
        ({"url": "https://example.com/", "description": "a\0b"}, "description"),
        ({"url": "https://example.com/", "description": "a\u202eb"}, "description"),
        ({"url": "https://example.com/", "description": "a\u2066b"}, "description"),
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
    ],
)
async def test_an_invalid_registration_is_refused_with_its_field(api: Api, body: dict[str, object], loc: str) -> None:
    response = await api("POST", "", body)
    assert response.status == 422
    assert response.body["detail"][0]["loc"][:2] == ["body", loc]


async def test_an_empty_list_of_event_types_is_refused(api: Api) -> None:
    made = await api.create_endpoint("https://example.com/hook", event_types=["generation.completed"])
    response = await api("PATCH", f"/{made['id']}", {"event_types": []})
    assert (response.status, response.body["detail"][0]["loc"]) == (422, ["body", "event_types"])
    assert (await api("GET", f"/{made['id']}")).body["event_types"] == ["generation.completed"]
    assert (await api("PATCH", f"/{made['id']}", {"event_types": ["*"]})).body["event_types"] == list(EVENT_TYPES)


@pytest.mark.parametrize("url", FORBIDDEN_URLS, ids=lambda url: ascii(url[:60]))
def test_a_request_with_a_forbidden_webhook_is_refused(url: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_request(url, (), ())
    assert (caught.value.code, caught.value.loc) == ("invalid_webhook", ("body", "webhook"))


def test_a_request_may_filter_by_our_values_and_those_of_replicate_and_no_other() -> None:
    check_request("https://example.com/", ("start", "progress", "completed", "output", "logs"), ())
    with pytest.raises(FieldError) as caught:
        check_request("https://example.com/", ("completed", "failed"), ())
    assert caught.value.loc == ("body", "webhook_events_filter")


async def test_another_developers_endpoints_do_not_exist(api: Api) -> None:
    made = await api.create_endpoint("https://example.com/hook")
    other_developer = replace(api, tenant=await api.harness.tenant())
    foreign = f"{api.base}/{made['id']}"
    for method, path in (
        ("GET", api.base),
        ("POST", api.base),
        ("GET", foreign),
        ("DELETE", foreign),
        ("POST", f"{foreign}/rotate"),
        ("GET", f"{foreign}/deliveries"),
        ("GET", f"{other_developer.base}/{made['id']}"),
        ("POST", f"{other_developer.base}/{made['id']}/test"),
        ("GET", f"{other_developer.base}/{uuid4()}/stats"),
        ("GET", f"{other_developer.base}/nonsense"),
    ):
        body = {"url": "https://example.com/"} if method == "POST" else None
        assert (await other_developer(method, path, body)).status == 404, (method, path)
    users = api.harness.headers(api.tenant)
    assert (await api.raw("GET", api.base, None, users)).status == 403


async def test_simultaneous_registrations_respect_the_limit(system: WebhookSystem) -> None:
    system.settings = system.settings.model_copy(update={"endpoints_per_project": 3})
    async with open_api(system) as api:
        requests = [api("POST", "", {"url": f"https://example.com/{n}"}) for n in range(8)]
        responses = await asyncio.gather(*requests)
        assert sorted(response.status for response in responses) == [201] * 3 + [409] * 5
        for body in (response.body for response in responses if response.status == 409):
            assert body["code"] == "webhook_limit_exceeded"
            assert body["detail"] == "Maximum of 3 webhook endpoints reached. Remove one first."
        assert len((await api("GET", "")).body["webhooks"]) == 3
        for name in ("webhook_endpoints", "webhook_secrets"):
            assert await system.store.database[name].count_documents({}) == 3, "refusals leave nothing"


async def test_a_registration_that_lost_its_race_is_repeated(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    append, lost = MongoEventStore.append, list[str]()

    async def losing(events: MongoEventStore, stream: str, *args: Any, **options: Any) -> Commit:
        if not lost:
            lost.append(stream)
            raise WrongExpectedVersionError(stream, 0)
        return await append(events, stream, *args, **options)

    monkeypatch.setattr(MongoEventStore, "append", losing)
    made = await api.create_endpoint("https://example.com/hook")
    assert lost == [f"webhook-{made['id']}"]
    assert [one["id"] for one in (await api("GET", "")).body["webhooks"]] == [made["id"]]


async def test_simultaneous_changes_of_url_and_event_types_are_both_kept(api: Api) -> None:
    one = f"/{(await api.create_endpoint('https://example.com/hook'))['id']}"
    url, types = "https://example.org/other", ["generation.completed"]
    await asyncio.gather(api("PATCH", one, {"url": url}), api("PATCH", one, {"event_types": types}))
    kept = (await api("GET", one)).body
    assert (kept["url"], kept["event_types"]) == (url, types)


async def test_an_end_user_reads_the_secret_of_their_own_requests(api: Api) -> None:
    full = api.harness.headers(api.tenant)
    seen = await asyncio.gather(*(api.raw("GET", SECRET_PATH, None, full) for _ in range(5)))
    [key] = {response.body["key"] for response in seen}
    developer = await api("GET", SECRET_PATH, **{"X-Project-ID": api.tenant.project_id})
    assert key == user_secret(developer.body["key"], api.tenant.user_id) != developer.body["key"]

    token_alone = {"Authorization": full["Authorization"]}
    assert (await api.raw("GET", SECRET_PATH, None, token_alone)).status == 403
    assert (await api.raw("GET", SECRET_PATH, None, {})).status == 401
    assert (await api("GET", SECRET_PATH)).status == 404
    other_developer = replace(api, tenant=await api.harness.tenant())
    asked = await other_developer("GET", SECRET_PATH, **{"X-Project-ID": api.tenant.project_id})
    assert asked.status == 404


async def test_the_default_secret_is_rotated_by_the_developer(api: Api, system: WebhookSystem) -> None:
    project = {"X-Project-ID": api.tenant.project_id}
    old = (await api("GET", SECRET_PATH, **project)).body["key"]
    new = (await api("POST", f"{SECRET_PATH}/rotate", **project)).body["key"]
    assert (await api("GET", SECRET_PATH, **project)).body["key"] == new != old
    assert len(await system.webhook_secrets.signing(f"default-{api.tenant.project_id}")) == 2
    user = api.harness.headers(api.tenant)
    assert (await api.raw("POST", f"{SECRET_PATH}/rotate", None, user)).status == 403


async def test_an_example_is_signed_and_marked_and_tried_once(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url)
    for event_type in EVENT_TYPES:
        assert (await api("POST", f"/{made['id']}/test", {"type": event_type})).status == 202
    await system.deliver_due()
    assert sorted(received.message["type"] for received in receiver.requests) == sorted(EVENT_TYPES)
    for received in receiver.requests:
        standardwebhooks.Webhook(made["secret"]).verify(received.body, dict(received.headers))
        assert received.message["data"]["example"] is True

    receiver.respond = refuse(500)
    sent = (await api("POST", f"/{made['id']}/test")).body
    await system.deliver_all()
    response = (await api("GET", f"/{made['id']}/deliveries/{sent['id']}")).body
    assert (response["state"], len(response["attempts"]), response["example"]) == ("failed", 1, True)
    assert (await api("POST", f"/{made['id']}/test", {"type": "generation.imagined"})).status == 422


async def test_deliveries_are_listed_in_pages_with_attempts_and_figures(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url, event_types=["generation.completed"])
    receiver.respond = refuse(500)
    for _ in range(5):
        await system.schedule(await system.request(*TO_COMPLETED, project=api.tenant.project_id))
        await system.deliver_due()
        system.advance(seconds=1)
    seen: list[str] = []
    following = ""
    while True:
        page = (await api("GET", f"/{made['id']}/deliveries?limit=2{following}")).body
        seen += [delivery["id"] for delivery in page["deliveries"]]
        if page["next"] is None:
            break
        following = f"&before={page['next']}"
    assert len(seen) == len(set(seen)) == 5

    one = (await api("GET", f"/{made['id']}/deliveries/{seen[0]}")).body
    [attempt] = one["attempts"]
    assert (attempt["status"], attempt["error"], attempt["response"]) == (500, "status", "no: 500")
    assert one["next_attempt_at"] is not None
    assert (await api("GET", f"/{made['id']}/deliveries?state=delivered")).body["deliveries"] == []
    assert (await api("GET", f"/{made['id']}/deliveries?state=odd")).status == 422
    stats = (await api("GET", f"/{made['id']}/stats")).body
    assert stats["deliveries"] == {"pending": 5, "delivered": 0, "failed": 0, "skipped": 0}
    assert (stats["attempts"], stats["last_success_at"]) == (5, None)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/default/deliveries?limit=1&limit=2", "limit"),
        ("/default/deliveries?state=failed&state=failed", "state"),
        ("/default/stats?since=2026-01-01T00:00:00Z&since=2026-01-02T00:00:00Z", "since"),
    ],
)
async def test_a_parameter_that_is_given_twice_is_refused(api: Api, path: str, name: str) -> None:
    response = await api("GET", path)
    assert (response.status, response.body["detail"][0]["loc"]) == (422, ["query", name])
    assert (await api("GET", f"{path.partition('?')[0]}?meaningless=1&meaningless=2")).status == 200


@pytest.mark.parametrize("before", ["unknown", "of another list"])
async def test_a_page_continues_only_behind_a_delivery_of_the_same_list(
    api: Api, system: WebhookSystem, receiver: Receiver, before: str
) -> None:
    made, other = await api.create_endpoint(receiver.url), await api.create_endpoint(receiver.url)
    await api("POST", f"/{made['id']}/test")
    foreign = (await api("POST", f"/{other['id']}/test")).body["id"]
    before_id = foreign if before == "of another list" else "msg_unknown"
    response = await api("GET", f"/{made['id']}/deliveries?before={before_id}")
    assert (response.status, response.body["detail"][0]["loc"]) == (422, ["query", "before"])


async def test_failed_deliveries_are_resent_one_by_one_or_recovered_since(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url, event_types=["generation.completed"])
    receiver.respond = refuse(500)
    for _ in range(3):
        await system.schedule(await system.request(*TO_COMPLETED, project=api.tenant.project_id))
    await system.deliver_all()
    failed = (await api("GET", f"/{made['id']}/deliveries?state=failed")).body["deliveries"]
    assert len(failed) == 3
    receiver.respond = accept

    one = await api("POST", f"/{made['id']}/deliveries/{failed[0]['id']}/resend")
    assert (one.status, one.body["state"]) == (202, "pending")
    await system.deliver_due()
    response = await api("POST", f"/{made['id']}/recover", {"since": "2020-01-01T00:00:00Z"})
    assert (response.status, response.body) == (202, {"dry_run": False, "recovered": 2})
    await system.deliver_all()
    stats = (await api("GET", f"/{made['id']}/stats")).body
    assert stats["deliveries"]["delivered"] == 3
    for since in ("yesterday", 1_767_225_600, 1.5, True, None, "1767225600", "2020-01-01", "2020-01-01T00:00:00"):
        assert (await api("POST", f"/{made['id']}/recover", {"since": since})).status == 422, since
    for since in ("0", "1767225600", "1e-300", "2020-01-01T00:00:00"):
        assert (await api("GET", f"/{made['id']}/stats?since={since}")).status == 422, since
    assert (await api("GET", f"/{made['id']}/stats?since=2020-01-01T00:00:00%2B01:00")).status == 200
    assert (await api("POST", f"/{made['id']}/deliveries/msg_unknown/resend")).status == 404


async def test_the_webhooks_of_requests_are_listed_under_default(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    generation = await system.request(*TO_COMPLETED, webhook=receiver.url, project=api.tenant.project_id)
    await system.schedule(generation)
    await system.deliver_due()
    [delivery] = (await api("GET", "/default/deliveries")).body["deliveries"]
    assert (delivery["generation_id"], delivery["state"]) == (generation, "delivered")
    assert (await api("POST", f"/default/deliveries/{delivery['id']}/resend")).status == 202
    await system.deliver_due()
    assert len(receiver.requests) == 2
    assert (await api("GET", "/default")).status == 404
    assert (await api("POST", "/default/test")).status == 404
