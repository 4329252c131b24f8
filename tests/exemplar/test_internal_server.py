"""Probes are answered beside the event loop, also when it does nothing any more."""

import asyncio
import time

import httpx
import pytest
from aiohttp.test_utils import unused_port

from domain.health import Part
from exemplar import probe_wiring
from exemplar.environment import ConfigurationError
from exemplar.metrics.settings import MetricsSettings
from exemplar.probe_wiring import PROBES, open_internal_server
from gateway.probes import Probes


async def _works() -> Part:
    return Part("database")


def probes() -> Probes:
    return Probes((), ["database_check"], lambda _: _works)


async def get(url: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url)


async def test_each_process_of_a_group_answers_on_a_port_of_its_own() -> None:
    settings, pages = MetricsSettings(metrics_port=unused_port() - 1), PROBES["internal_pages"](probes())
    base = f"http://127.0.0.1:{settings.port_of(2)}"
    async with open_internal_server(settings, pages, process_number=2):
        ready = await get(f"{base}/health/ready?verbose")
        assert (ready.status_code, ready.json()["parts"]["database"]) == (200, {"status": "healthy"})
        assert (await get(f"{base}/")).status_code == 404
        with pytest.raises(ConfigurationError, match=r"EXEMPLAR_METRICS_PORT \d+ cannot be opened"):
            async with open_internal_server(settings, pages, process_number=2):
                pass
    assert settings.port_of(2) == (settings.metrics_port or 0) + 1


async def test_a_blocked_event_loop_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_wiring, "LOOP_SECONDS", 0.05)
    settings, pages = MetricsSettings(metrics_port=unused_port()), PROBES["internal_pages"](probes())
    async with open_internal_server(settings, pages, process_number=1):
        asked = asyncio.to_thread(httpx.get, f"http://127.0.0.1:{settings.metrics_port}/health/live")
        waiting = asyncio.create_task(asked)
        await asyncio.sleep(0)  # the thread asks
        time.sleep(0.5)  # noqa: ASYNC251 - the loop is blocked
        answer = await waiting
    assert (answer.status_code, answer.json()["parts"]["event_loop"]["reason"]) == (503, "blocked")
