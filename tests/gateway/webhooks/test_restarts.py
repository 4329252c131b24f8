"""Deliveries are found by request and sent again: what a filter chooses, or all that an endpoint lacks."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest

from domain.generation import decisions
from domain.generation.generation import stream_of
from events.developer import DeliveriesRestarted
from events.envelope import Cause, format_time
from store.webhooks import missing_deliveries
from tests.builders.generation import COMPLETED, RESERVED, VALIDATED, intended, settled, started
from tests.gateway.webhooks.api import Api, open_api
from tests.systems.webhook_receiver import Receiver, accept, refuse
from tests.systems.webhook_system import WebhookSystem

TO_SETTLED = (VALIDATED, RESERVED, intended(), started(), settled())
TO_COMPLETED = (*TO_SETTLED, COMPLETED)
ONLY_COMPLETED = ["generation.completed"]


@pytest.fixture
async def api(system: WebhookSystem) -> AsyncIterator[Api]:
    async with open_api(system) as api:
        yield api


async def generation(api: Api, system: WebhookSystem) -> str:
    return await system.request(*TO_COMPLETED, project=api.tenant.project_id)


async def seal(system: WebhookSystem) -> None:
    while await system.store.sealed_log.seal():
        pass


async def restarts(api: Api, system: WebhookSystem) -> list[tuple[str, int]]:
    """Read what the developer's stream says of restarts."""
    history = await system.account_changes.history(api.tenant.developer_id)
    events = [recorded.event for recorded in history]
    return [(event.action, event.deliveries) for event in events if isinstance(event, DeliveriesRestarted)]


async def both(api: Api, path: str, body: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Call a route for a dry run and then in earnest."""
    dry = await api("POST", f"{path}?dry_run=true", body)
    done = await api("POST", path, body)
    assert (dry.status, done.status) == (200, 202), (dry.body, done.body)
    assert (dry.body.pop("dry_run"), done.body.pop("dry_run")) == (True, False)
    return dry.body, done.body


async def test_an_endpoint_gets_every_event_that_it_lacks_and_no_other(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    since = format_time(system.clock.now)
    before = await generation(api, system)  # from before the endpoint was registered
    system.advance(seconds=1)
    made = await api.create_endpoint(receiver.url, event_types=ONLY_COMPLETED)
    got, refused, unscheduled, erased = [await generation(api, system) for _ in range(4)]
    receiver.respond = lambda sent: (accept if sent.message["data"]["id"] == got else refuse(500))(sent)
    await system.schedule(got, refused)
    await system.deliver_all()
    foreign = await system.request(*TO_COMPLETED)
    await system.generations.decide(erased, decisions.erase, cause=Cause(actor="actor:test"))
    await seal(system)
    receiver.requests.clear()
    receiver.respond = accept
    path, body = f"/{made['id']}/replay-missing", {"since": since}
    dry, done = await both(api, path, body)
    assert dry == done == {"replayed": 3, "more": False, "cursor": None}
    await system.deliver_due()
    assert sorted(one.message["data"]["id"] for one in receiver.requests) == sorted([before, refused, unscheduled])
    assert foreign not in str(receiver.requests)
    assert await restarts(api, system) == [("replay", 3)]
    assert (await both(api, path, body))[1]["replayed"] == 0
    assert await restarts(api, system) == [("replay", 3)], "nothing is recorded for nothing"


async def test_a_replay_goes_on_page_by_page(
    api: Api, system: WebhookSystem, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missing_deliveries, "MOST_LOOKED_AT", 3)
    wanted = [await generation(api, system) for _ in range(3)]
    made = await api.create_endpoint(receiver.url, event_types=ONLY_COMPLETED)
    await seal(system)
    body: dict[str, Any] = {"since": "2020-01-01T00:00:00Z"}
    pages = 0
    while True:
        dry, done = await both(api, f"/{made['id']}/replay-missing", body)
        assert (dry["replayed"], dry["more"]) == (done["replayed"], done["more"])
        pages += 1
        if not done["more"]:
            break
        body["cursor"] = done["cursor"]
    assert pages == 3 * 7 // 3 + 1
    await system.deliver_due()
    assert sorted(one.message["data"]["id"] for one in receiver.requests) == sorted(wanted)
    other = await api.create_endpoint(receiver.url)
    refusal = await api("POST", f"/{other['id']}/replay-missing", body)
    assert (refusal.status, refusal.body["detail"][0]["loc"]) == (422, ["body", "cursor"])


async def test_nothing_is_replayed_to_a_disabled_endpoint(api: Api, receiver: Receiver) -> None:
    one = f"/{(await api.create_endpoint(receiver.url))['id']}"
    await api("POST", f"{one}/disable")
    assert (await api("POST", f"{one}/replay-missing", {"since": "2026-01-01T00:00:00Z"})).status == 409
    for restart, body in (("recover", {"since": "2026-01-01T00:00:00Z"}), ("resend", {"states": ["delivered"]})):
        for query in ("", "?dry_run=true"):
            assert (await api("POST", f"{one}/{restart}{query}", body)).status == 409
        assert (await api("POST", f"/default/{restart}", body)).status == 202
    assert (await api("POST", f"{one}/deliveries/msg_x/resend")).status == 409
    assert (await api("POST", "/default/replay-missing", {"since": "2026-01-01T00:00:00Z"})).status == 404


async def test_a_filter_chooses_what_is_sent_again_after_a_dry_run(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url, event_types=["generation.started", "generation.completed"])
    first, second = await generation(api, system), await generation(api, system)
    await system.schedule(first, second)
    await system.deliver_due()
    middle: datetime = system.clock.now
    receiver.requests.clear()
    path = f"/{made['id']}/resend"
    nothing = await both(api, path, {})
    assert nothing == ({"resent": 0}, {"resent": 0}), "what was accepted is not sent again unless it is named"
    filters: list[tuple[dict[str, Any], int]] = [
        ({"generation_id": first}, 2),
        ({"types": ONLY_COMPLETED}, 2),
        ({"types": ONLY_COMPLETED, "generation_id": second}, 1),
        ({"since": format_time(middle)}, 4),
        ({"before": "2026-01-01T00:00:00Z"}, 0),
    ]
    for chosen, count in filters:
        body = {"states": ["delivered"], **chosen}
        assert await both(api, path, body) == ({"resent": count}, {"resent": count}), body
        await system.deliver_due()
        assert len(receiver.requests) == count, body
        receiver.requests.clear()
    assert await restarts(api, system) == [("resend", 2), ("resend", 2), ("resend", 1), ("resend", 4)]


async def test_deliveries_are_found_by_request_and_generation(
    api: Api, system: WebhookSystem, receiver: Receiver
) -> None:
    made = await api.create_endpoint(receiver.url, event_types=ONLY_COMPLETED)
    first, second = await generation(api, system), await generation(api, system)
    await system.schedule(first, second)
    cause = Cause(actor="user:usr-1", request_id="req-7")
    await system.store.events.append(stream_of(first), 7, [VALIDATED], cause=cause, time=system.clock.now)
    await seal(system)
    rows = f"/{made['id']}/deliveries"

    async def listed(query: str) -> list[str]:
        response = await api("GET", f"{rows}?{query}")
        assert response.status == 200, response.body
        return [row["generation_id"] for row in response.body["deliveries"]]

    assert await listed("request_id=req-7") == [first]
    assert await listed("request_id=req-8") == []
    assert await listed(f"generation_id={second}") == [second]
    assert await listed(f"generation_id={second}&request_id=req-7") == []
    assert await listed(f"generation_id={second}&request_id=req-8") == []
    assert await listed(f"generation_id={first}&state=delivered") == []
    await system.deliver_due()
    body = {"states": ["delivered"], "request_id": "req-7"}
    assert await both(api, f"/{made['id']}/resend", body) == ({"resent": 1}, {"resent": 1})
    assert (await api("GET", f"{rows}?generation_id=x")).status == 422


@pytest.mark.parametrize(
    "body", [{"states": ["pending"]}, {"states": []}, {"types": ["generation.imagined"]}, {"since": 1}], ids=str
)
async def test_an_unknown_condition_is_refused(api: Api, body: dict[str, object]) -> None:
    made = await api.create_endpoint("https://example.com/hook")
    assert (await api("POST", f"/{made['id']}/resend", body)).status == 422
