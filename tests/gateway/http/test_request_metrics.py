"""Requests are counted by the template of their path, and streams when they begin."""

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from domain.paths import PROJECT
from exemplar.metrics.catalogue import METRICS
from exemplar.metrics.prometheus import PrometheusMetrics
from gateway.http.request_metrics import install_request_metrics


def application(metrics: PrometheusMetrics, *, ended: asyncio.Event) -> web.Application:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.match_info["project_id"] == "none":
            raise web.HTTPNotFound
        response = web.StreamResponse()
        await response.prepare(request)
        await ended.wait()
        return response

    app = web.Application()
    app.router.add_get(PROJECT, answer)
    install_request_metrics(app, metrics)
    return app


def counted(metrics: PrometheusMetrics) -> dict[tuple[str, str, str], float]:
    name = "exemplar_http_requests_total"
    samples = [one for family in metrics.registry.collect() for one in family.samples if one.name == name]
    return {(one.labels["method"], one.labels["route"], one.labels["code"]): one.value for one in samples}


async def test_the_path_of_a_client_is_no_label() -> None:
    metrics, ended = PrometheusMetrics(METRICS), asyncio.Event()
    async with TestClient(TestServer(application(metrics, ended=ended))) as client:
        await client.get(PROJECT.format(project_id="none"))
        await client.get("/a/path/that/nobody/serves")
        await client.request("PROPFIND", "/coffee")
    assert counted(metrics) == {("GET", PROJECT, "404"): 1, ("GET", "other", "404"): 1, ("other", "other", "404"): 1}


async def test_a_stream_is_measured_when_it_begins() -> None:
    metrics, ended = PrometheusMetrics(METRICS), asyncio.Event()
    async with (
        TestClient(TestServer(application(metrics, ended=ended))) as client,
        client.get(PROJECT.format(project_id="one")),
    ):
        assert counted(metrics) == {("GET", PROJECT, "200"): 1}
        labels = {"method": "GET", "route": PROJECT}
        assert metrics.registry.get_sample_value("exemplar_http_request_seconds_count", labels) == 1
        ended.set()
    assert counted(metrics) == {("GET", PROJECT, "200"): 1}
