"""Health for operators and clients of the older API, and the probes of one process."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from pydantic import SecretStr

from domain.health import Part, Phase, all_work, database_part, progress_part, provider_part
from exemplar.gateway_wiring import create_gateway
from gateway.probes import Probes
from store.mongo.connection import open_database
from store.mongo.health import DatabaseHealth
from store.settings import StoreSettings
from tests.systems.gateway import gateway_dependencies
from tests.systems.gateway_harness import GatewayHarness

pytestmark = pytest.mark.asyncio(loop_scope="module")
PUBLIC = json.loads(Path("tests/journeys/cloud-api.openapi.json").read_text())["components"]["schemas"]
FIELDS = {
    "": "HealthCheckResponse",
    "/database": "DatabaseHealthResponse",
    "/storage": "StorageHealthResponse",
    "/redis": "RedisHealthResponse",
    "/broker": "RedisHealthResponse",
    "/detailed": "DetailedHealthCheckResponse",
}


@pytest.mark.parametrize("path", FIELDS)
async def test_every_field_of_the_public_api_is_there(gateway: GatewayHarness, path: str) -> None:
    status, body = await gateway.get(f"/api/v1/health{path}")
    assert (status, body["status"]) == (200, "healthy")
    assert PUBLIC[FIELDS[path]]["properties"].keys() <= body.keys()


async def test_the_way_to_the_provider_is_shown_as_it_is(gateway: GatewayHarness) -> None:
    assert (await gateway.get("/api/v1/health/detailed"))[1]["provider"] == {"status": "healthy"}


def checks(**parts: Part) -> Any:
    """Return a function that gives the check of each part by its name."""

    def dependency(name: str) -> Any:
        async def check() -> Part:
            return parts[name]

        return check

    return dependency


async def test_a_process_is_ready_while_it_runs_and_all_that_it_needs_works() -> None:
    probes = Probes(["handlers"], ["database"], checks(handlers=Part("handlers"), database=database_part(None)))
    probes.phase = Phase.STARTING
    assert (await probes.ready())["parts"] == {"process": {"status": "unhealthy", "reason": "starting"}}
    async with probes.running():
        assert [(await probes.ready())["status"], (await probes.live())["status"]] == ["ready", "live"]
    assert (await probes.ready())["parts"]["process"]["reason"] == "stopping"
    assert (await probes.live())["status"] == "live", "a process that stops is not to be killed"


async def test_a_wedged_process_does_not_live_and_one_without_its_database_is_not_ready() -> None:
    wedged, away = progress_part("handlers", 301), database_part("AutoReconnect")
    probes = Probes(["handlers"], ["database"], checks(handlers=wedged, database=away))
    assert [(await probes.live())["status"], (await probes.ready())["status"]] == ["not_live", "not_ready"]


async def test_a_provider_that_cannot_be_reached_refuses_nothing() -> None:
    judged = {accepted: all_work([provider_part(accepted=accepted)]) for accepted in (True, None, False)}
    assert judged == {True: True, None: True, False: False}
    assert all_work([progress_part("handlers", 299)])


async def test_a_gateway_without_its_database_is_not_ready_and_lives(gateway: GatewayHarness) -> None:
    settings = StoreSettings(mongodb_url=SecretStr("mongodb://127.0.0.1:1"), mongodb_timeout_ms=100)

    async def paused() -> datetime:
        return gateway.clock()

    async with open_database(settings) as away:
        given = {"database_health": DatabaseHealth(away), "provider_paused": paused}
        app = create_gateway(gateway_dependencies(gateway.store, gateway.clock, **given))
        async with TestClient(TestServer(app)) as client:
            paths = ("/health/ready", "/health/live", "/api/v1/health/detailed", "/api/v1/health/storage")
            answers = [await client.get(path) for path in paths]
            ready, live, detailed, storage = [await answer.json() for answer in answers]
    assert [answer.status for answer in answers] == [503, 200, 503, 503]
    assert (ready["status"], live["status"]) == ("not_ready", "live")
    assert ready["parts"]["database"] == {
        "status": "unhealthy",
        "reason": "ServerSelectionTimeoutError",
        "action": "check MongoDB",
    }
    assert detailed["provider"] == {"status": "degraded"}
    assert (storage["writable"], storage["error"]) == (False, "ServerSelectionTimeoutError")
