"""Every process says whether it lives and is ready; a refused token is told when a worker starts."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from exemplar.demo.hooks import hooks_of
from tests.systems.commands import Done, run_command
from tests.systems.system import System
from tests.systems.tenants import Tenant, fetch
from tests.systems.waiting import until

SYSTEM = "whole"
PARTS = {
    "gateway": {"process", "database"},
    "worker": {"process", "database", "broker", "provider"},
    "scheduler": {"process", "database", "provider"},
}


async def probe(system: System, name: str, question: str, session: aiohttp.ClientSession) -> tuple[int, Any]:
    answer = await fetch(session, f"http://127.0.0.1:{system.metrics_port(name)}", f"/health/{question}")
    return answer.status, answer.body


@pytest.mark.parametrize("name", PARTS)
async def test_every_process_lives_and_is_ready(tenant: Tenant, system: System, name: str) -> None:
    status, body = await probe(system, name, "ready", tenant.session)
    assert (status, body["status"], set(body["parts"])) == (200, "ready", PARTS[name])
    assert {part["status"] for part in body["parts"].values()} == {"healthy"}
    assert (await probe(system, name, "live", tenant.session))[1]["status"] == "live"


async def test_the_gateway_answers_probes_on_its_public_port(tenant: Tenant) -> None:
    assert (await tenant.get("/health/live")).body == {"status": "live", "parts": {}}
    assert (await tenant.get("/health/ready")).body["status"] == "ready"


async def test_a_worker_whose_token_is_refused_says_so_when_it_starts(
    tenant: Tenant, system: System, tmp_path: Path
) -> None:
    system.program("refused-worker", "worker", "--queues", "projector", REPLICATE_API_TOKEN="r8_revoked")
    await system.restart("refused-worker")
    try:
        [line] = [line for line in system.logged("refused-worker") if line["event"] == "provider_token_refused"]
        assert (line["level"], line["status"]) == ("error", 401)
        assert "REPLICATE_API_TOKEN" in line["action"]
        status, body = await probe(system, "refused-worker", "ready", tenant.session)
        assert (status, body["parts"]["provider"]["reason"]) == (503, "provider_unauthorized")
        told = await _told(system, tmp_path)
        assert [one for one in told if "refuses the token (provider_unauthorized)" in one]
        asked = await _asked(system, tmp_path, "refused-worker")
        assert (asked["ready"].code, asked["live"].code) == (1, 0)
        assert "provider_unauthorized" in asked["ready"].out
    finally:
        system.kill("refused-worker")


async def _told(system: System, folder: Path) -> list[str]:
    """Read what `exemplar status` says needs attention, while nothing waits for the provider."""
    done = await asyncio.to_thread(run_command, "status", "--json", env=system.env, cwd=folder)
    told: list[str] = json.loads(done.out)["attention"]
    return told


async def _asked(system: System, folder: Path, name: str) -> dict[str, Done]:
    """Run `exemplar probe` beside a process, as the health check of its container does."""
    env = {**system.env, "EXEMPLAR_METRICS_PORT": str(system.metrics_port(name))}
    return {
        question: await asyncio.to_thread(run_command, "probe", question, env=env, cwd=folder)
        for question in ("ready", "live")
    }


async def test_up_tells_what_the_provider_says_about_the_token(tenant: Tenant, system: System, tmp_path: Path) -> None:
    check = hooks_of(tmp_path).check_provider
    known = await check(system.env)
    refused = await check({**system.env, "REPLICATE_API_TOKEN": "r8_revoked"})
    silent = await check({"REPLICATE_API_TOKEN": "r8_any", "REPLICATE_BASE_URL": "http://127.0.0.1:1"})
    assert [answer.refused for answer in (known, refused, silent)] == [False, True, False]
    assert "refuses the token (401)" in refused.told
    assert "does not answer" in silent.told


async def test_a_worker_without_rabbitmq_is_not_ready_and_lives(tenant: Tenant, system: System) -> None:
    """RabbitMQ is away for nobody else: this worker's virtual host does not exist."""
    system.program("apart-worker", "worker", EXEMPLAR_AMQP_URL=f"{system.amqp_url}-missing")
    await system.restart("apart-worker")
    try:
        status, body = await probe(system, "apart-worker", "ready", tenant.session)
        assert (status, body["parts"]["broker"]["status"]) == (503, "unhealthy")
        assert body["parts"]["database"]["status"] == "healthy"
        assert (await probe(system, "apart-worker", "live", tenant.session))[0] == 200
    finally:
        system.kill("apart-worker")


async def test_a_worker_takes_messages_before_it_is_called_ready(tenant: Tenant, system: System) -> None:
    await system.restart("worker")

    async def ready() -> bool:
        return (await probe(system, "worker", "ready", tenant.session))[0] == 200

    await until(ready, "the worker is ready", within=30)
    await tenant.completed(await tenant.accepted())
