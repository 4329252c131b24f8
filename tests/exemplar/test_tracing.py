"""What is traced, by whose choice, and that nothing is loaded where nothing is."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from exemplar.environment import ConfigurationError, read
from exemplar.tracing.open_telemetry import OpenTelemetryTracer
from exemplar.tracing.opening import open_tracer
from exemplar.tracing.settings import TracingSettings
from store.tracing import NO_TRACER
from tests.exemplar.loaded_modules import print_tracing
from tests.systems.commands import run_forked
from tests.systems.otlp_collector import Collector, open_collector

SENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = SENT.split("-")[1]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with open_collector() as collector:
        yield collector


def tracer_of(collector: Collector, ratio: float = 1.0, chance: float = 0.5) -> OpenTelemetryTracer:
    settings = TracingSettings(
        endpoint=collector.url, ratio=ratio, headers=SecretStr("Authorization=Bearer%20abc, X%2DTenant = a%2Cb%3D")
    )
    return OpenTelemetryTracer(settings, process_name="gateway", version="1", chance=lambda: chance)


def test_the_share_of_traces_is_ours_and_not_that_of_the_client(collector: Collector) -> None:
    tracer = tracer_of(collector, ratio=0.4)
    with tracer.span("POST", "server", parent=SENT), tracer.span("append"):
        told = tracer.traceparent() or ""
    assert (told.split("-")[1], told[-2:]) == (TRACE, "00"), "the trace goes on, and is not exported"
    with tracer.span("process", "consumer", parent=told):
        pass
    tracer.close()
    assert collector.of(TRACE) == []


def test_parts_follow_the_request_also_in_other_processes_and_name_no_text_of_an_error(collector: Collector) -> None:
    gateway, worker = tracer_of(collector), tracer_of(collector)
    with gateway.span("POST", "server", parent=SENT.replace("-01", "-00")):
        event = gateway.traceparent()
        with gateway.span("publish", "producer"):
            message = gateway.traceparent()
    about = {"queue": "quota"}
    with (
        pytest.raises(ValueError, match="walrus"),
        worker.within(message),
        worker.span("process", "consumer", parent=event, attributes=about),
    ):
        raise ValueError("a walrus")
    gateway.close()
    worker.close()
    by_name = {span.name: span for span in collector.of(TRACE)}
    assert [by_name["publish"].parent, by_name["process"].parent] == [by_name["POST"].id, by_name["publish"].id]
    assert (by_name["process"].failed, by_name["process"].attributes) == (
        True,
        {"queue": "quota", "error.type": "ValueError"},
    )
    assert not any(b"walrus" in body for body in collector.bodies)
    sent = collector.headers[-1]
    assert (sent["authorization"], sent["x-tenant"]) == ("Bearer abc", "a,b=")


def test_work_without_a_request_is_not_traced(collector: Collector) -> None:
    tracer, before = tracer_of(collector), len(collector.spans)
    for parent in (None, "free text", f"00-{'0' * 32}-{'0' * 16}-01"):
        with tracer.span("job", parent=parent) as span:
            span.note({"found": 1})
            assert tracer.traceparent() is None
    tracer.close()
    assert len(collector.spans) == before


async def test_without_a_collector_nothing_is_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_tracer(TracingSettings(), "worker", "1") as tracer:
        assert tracer is NO_TRACER
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/")
    assert read(TracingSettings).url == "http://collector:4318/v1/traces"
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert read(TracingSettings).url is None


async def test_a_missing_extra_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "exemplar.tracing.open_telemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'exemplar\[tracing\]'"):
        async with open_tracer(TracingSettings(endpoint="http://collector:4318"), "worker", "1"):
            pass


async def test_the_wiring_of_a_process_does_not_load_the_library(tmp_path: Path) -> None:
    done = await asyncio.to_thread(run_forked, print_tracing, env={}, cwd=tmp_path)
    assert done.out == "False\n", done.error
