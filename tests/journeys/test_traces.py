"""One trace leads from the request of a client over RabbitMQ to the webhook, without a word of a tenant."""

import json
from collections.abc import Iterator

import aiohttp
import pytest

from tests.builders.pictures import jpeg
from tests.journeys.conftest import MakeTenant
from tests.journeys.invariants import PERSONAL
from tests.systems.databases import Databases
from tests.systems.otlp_collector import Collector, Span, open_collector
from tests.systems.servers import RabbitServer
from tests.systems.system import System, opened_system
from tests.systems.tenants import PROMPT, SUBMIT, Tenant
from tests.systems.waiting import until
from tests.systems.webhook_receiver import open_receiver

SYSTEM = "traced"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
WORK = {
    ("exemplar-gateway", f"POST {SUBMIT}"),
    ("exemplar-gateway", "append"),
    ("exemplar-gateway", "publish"),
    ("exemplar-worker", "process validation"),
    ("exemplar-worker", "decide quota"),
    ("exemplar-worker", "follow invocation"),
    ("exemplar-worker", "decode"),
    ("exemplar-worker", "create prediction"),
    ("exemplar-worker", "append"),
    ("exemplar-worker", "publish"),
    ("exemplar-worker", "process completion"),
    ("exemplar-worker", "process projector"),
    ("exemplar-worker", "process delivery"),
    ("exemplar-scheduler", "deliver webhook"),
}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced_system(
    databases: Databases, rabbit_server: RabbitServer, tmp_path_factory: pytest.TempPathFactory, collector: Collector
) -> Iterator[System]:
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    home = tmp_path_factory.mktemp("traces")
    with rabbit_server.lent("traces") as amqp_url, opened_system(home, databases, amqp_url, environ) as system:
        system.start()
        yield system


async def submit(tenant: Tenant, traceparent: str) -> str:
    """Submit with a traceparent, whose sampled flag nobody has to believe; return the id."""
    form = aiohttp.FormData()
    form.add_field("example_images", jpeg("coffee.png", (64, 48)), filename="a.jpg")
    form.add_field("instructions", json.dumps({"prompt": PROMPT}))
    headers = {**tenant.headers, "traceparent": traceparent, "tracestate": "vendor=secret-word"}
    async with tenant.session.post(tenant.base_url + SUBMIT, data=form, headers=headers) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["id"])


async def test_one_trace_leads_from_the_request_over_rabbitmq_to_the_webhook(
    new_tenant: MakeTenant, collector: Collector
) -> None:
    tenant = await new_tenant()
    async with open_receiver() as receiver:
        await tenant.register_webhook(receiver.url)
        generation = await submit(tenant, f"00-{TRACE}-{PARENT}-00")
        await tenant.completed(generation)
        received = await until(lambda: receiver.requests and receiver.requests[-1], "a webhook arrived")
        version, trace, sender, flags = received.headers["traceparent"].split("-")
        assert (version, trace, flags) == ("00", TRACE, "01")

        def spans() -> list[Span] | None:
            found = collector.of(TRACE)
            known = {PARENT, *(span.id for span in found)}
            whole = known >= {sender, *(span.parent for span in found)}
            return found if whole and {(span.service, span.name) for span in found} >= WORK else None

        found = await until(spans, "all spans are exported, and no part is loose")
        by_id = {span.id: span for span in found}
        [request] = [span for span in found if span.parent == PARENT]
        assert (request.name, request.attributes["http.response.status_code"]) == (f"POST {SUBMIT}", 202)
        [validated] = [span for span in found if span.name == "process validation"]
        assert by_id[validated.parent].name == "publish", "the message names the span that sent it"
        assert by_id[sender].name == "deliver webhook"
    hidden = [*PERSONAL, "secret-word", received.path, receiver.url, tenant.user, tenant.email]
    texts = [text for text in hidden if len(text) > 8]
    assert [text for text in texts if any(text.encode() in body for body in collector.bodies)] == []


async def test_a_malformed_traceparent_begins_a_new_trace(new_tenant: MakeTenant, collector: Collector) -> None:
    tenant = await new_tenant()
    before = len(collector.spans)
    generation = await submit(tenant, f"00-{TRACE.upper()}-{PARENT}-01")
    await tenant.completed(generation)

    def requests() -> list[Span]:
        return [span for span in collector.spans[before:] if span.name == f"POST {SUBMIT}"]

    [request] = await until(requests, "the request is exported", within=20)
    assert (request.trace != TRACE, request.parent) == (True, "")
    [event, *_] = await tenant.events(generation)
    assert event["traceparent"] == f"00-{request.trace}-{request.id}-01"
