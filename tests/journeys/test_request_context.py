"""What a request was sent with is in everything that is told of it: metadata, request id, trace."""

import json
from dataclasses import replace
from typing import Any

import aiohttp

from domain.generation.generation import stream_of
from tests.builders.pictures import jpeg
from tests.gateway.events.sse_client import opened
from tests.journeys.conftest import MakeTenant
from tests.systems.sandbox_client import SandboxClient
from tests.systems.system import System
from tests.systems.tenants import ONE, SUBMIT, Tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import open_receiver

SYSTEM = "whole"
METADATA = {"order": "A-17", "page": "3"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


async def submitted(tenant: Tenant, **fields: str) -> tuple[str, str]:
    """Submit with metadata and a trace; return the id of the generation and of the request."""
    form = aiohttp.FormData()
    form.add_field("example_images", jpeg("coffee.png", (64, 48)), filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": "a quiet harbour"}))
    for name, value in (fields | {"metadata": json.dumps(METADATA)}).items():
        form.add_field(name, value)
    headers = {**tenant.headers, "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"}
    async with tenant.session.post(tenant.base_url + SUBMIT, data=form, headers=headers) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["id"]), answer.headers["X-Request-ID"]


async def causes(system: System, generation: str) -> list[tuple[str, str | None, str | None]]:
    """Read type, request id and trace of every event in the log."""
    async with system.open_store() as store:
        commits = await store.events.read(stream_of(generation))
    events = [event for commit in commits for event in commit.events]
    return [(one.type, one.cause.request_id, (one.cause.traceparent or "--").split("-")[1]) for one in events]


async def test_every_event_names_the_request_and_the_trace_also_after_callbacks_and_polls(
    new_tenant: MakeTenant, sandbox: SandboxClient, system: System
) -> None:
    tenant = await new_tenant()
    for faults in ({}, {"webhook": "lost"}):  # told by callback, found by polling
        await sandbox.arm(times=1, **faults)
        generation, request_id = await submitted(tenant)
        await tenant.completed(generation)

        async def settled(name: str = generation) -> Any:
            found = await causes(system, name)
            return found if found[-1][0] == "generation.quota_settled" else None

        found = await until(settled, "its quota is settled")
        assert len(found) >= 8
        assert [one for one in found if one[1:] != (request_id, TRACE)] == []


async def test_metadata_are_in_streams_pages_feeds_lists_webhooks_and_deliveries(
    new_tenant: MakeTenant, sandbox: SandboxClient
) -> None:
    tenant = await new_tenant()
    async with open_receiver() as receiver:
        await tenant.register_webhook(receiver.url)
        generation, request_id = await submitted(tenant)
        url = f"{tenant.base_url}{ONE}/{generation}/events"
        async with opened(tenant.session, url, {"Authorization": tenant.headers["Authorization"]}) as stream:
            frames = await stream.rest()
        received = await until(lambda: receiver.requests and receiver.requests[-1], "a webhook arrived")
        deliveries = await until(lambda: _deliveries(tenant), "deliveries are listed")
    snapshot, *live = [one.data for one in frames if one.event != "caught_up"]
    assert (snapshot["metadata"], snapshot["request_id"]) == (METADATA, request_id)
    assert live
    feed = await tenant.get(f"{ONE}/events?after=0")
    own = [one for one in feed.body["events"] if one["stream"] == stream_of(generation)]
    for event in (*live, *await tenant.events(generation), *own):
        assert (event["data"]["metadata"], event["requestid"]) == (METADATA, request_id), event
    [listed] = (await tenant.get(ONE)).body["generations"]
    for told in (listed, received.message["data"], *deliveries):
        assert (told["metadata"], told["request_id"]) == (METADATA, request_id)


async def _deliveries(tenant: Tenant) -> list[dict[str, Any]]:
    token = {"Authorization": f"Bearer {await tenant.developer_token()}"}
    developer = replace(tenant, headers=token)
    [endpoint] = (await developer.get(f"/api/v1/projects/{tenant.project}/webhooks")).body["webhooks"]
    path = f"/api/v1/projects/{tenant.project}/webhooks/{endpoint['id']}/deliveries"
    return list((await developer.get(path)).body["deliveries"])
