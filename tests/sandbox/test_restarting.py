"""A sandbox that was killed and started again on its folder keeps its predictions."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.systems.forking import ended, fork, sandbox

CALLBACK = "http://127.0.0.1:1/callback?g={}&a=1"


@pytest.fixture
def variables(tmp_path: Path, unused_tcp_port: int) -> dict[str, str]:
    return {
        "EXEMPLAR_SANDBOX_PORT": str(unused_tcp_port),
        "EXEMPLAR_SANDBOX_FOLDER": str(tmp_path / "sandbox"),
        "EXEMPLAR_SANDBOX_BOOT_SECONDS": "0.01",
        "EXEMPLAR_SANDBOX_PREDICT_SECONDS": "0.05",
    }


@asynccontextmanager
async def running(variables: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """Start a sandbox; kill it at the end."""
    process = fork(sandbox, os.environ | variables)
    url = f"http://127.0.0.1:{variables['EXEMPLAR_SANDBOX_PORT']}"
    headers = {"Authorization": "Bearer r8_sandbox"}
    try:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=20) as http:
            await answering(http)
            yield http
    finally:
        process.kill()
        await asyncio.to_thread(ended, process)


async def answering(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await http.get("/_sandbox/creations")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return


async def create(http: httpx.AsyncClient, version: str, name: str, **faults: Any) -> str:
    await http.post("/_sandbox/faults", json={**faults, "times": 1, "webhook": "lost"})
    given = {"prompt": "a cat", "seed": 7, "width": 64, "height": 64, "num_outputs": 2}
    body = {"version": version, "input": given, "webhook": CALLBACK.format(name)}
    answer = await http.post("/v1/predictions", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def reaches(http: httpx.AsyncClient, id_: str, *statuses: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            body: dict[str, Any] = (await http.get(f"/v1/predictions/{id_}")).json()
            if body["status"] in statuses:
                return body
            await asyncio.sleep(0.02)


async def creations(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = (await http.get("/_sandbox/creations")).json()["creations"]
    return listed


async def test_predictions_pictures_and_creations_survive_a_kill(variables: dict[str, str], version: str) -> None:
    async with running(variables) as http:
        done = await reaches(http, await create(http, version, "g1"), "succeeded")
        flagged = await reaches(http, await create(http, version, "g2", outcome="nsfw"), "failed")
        stopped = await create(http, version, "g3", latency_s=600)
        stopped_body = (await http.post(f"/v1/predictions/{stopped}/cancel")).json()
        pictures = [(await http.get(url)).content for url in done["output"]]
        paid = await creations(http)

    async with running(variables) as http:
        assert await creations(http) == paid
        assert [creation["generation"] for creation in paid] == ["g1", "g2", "g3"]
        for body in (done, flagged, stopped_body):
            assert (await http.get(f"/v1/predictions/{body['id']}")).json() == body
        assert [(await http.get(url)).content for url in done["output"]] == pictures
        newest = await create(http, version, "g4")
        listed = (await http.get("/v1/predictions")).json()["results"]
        assert [one["id"] for one in listed] == [newest, stopped, flagged["id"], done["id"]]


async def test_predictions_running_at_a_kill_continue_and_end(variables: dict[str, str], version: str) -> None:
    async with running(variables) as http:
        short = await create(http, version, "g1", latency_s=1)
        long = await create(http, version, "g2", latency_s=600)
        before = await reaches(http, long, "processing")

    async with running(variables) as http:
        ended = await reaches(http, short, "succeeded")
        assert len(ended["output"]) == 2
        still = (await http.get(f"/v1/predictions/{long}")).json()
        assert (still["status"], still["started_at"]) == ("processing", before["started_at"])
        assert (await http.post(f"/v1/predictions/{long}/cancel")).json()["status"] == "canceled"


async def test_a_sandbox_without_a_folder_starts_empty(variables: dict[str, str], version: str) -> None:
    del variables["EXEMPLAR_SANDBOX_FOLDER"]
    async with running(variables) as http:
        await create(http, version, "g1")
    async with running(variables) as http:
        assert await creations(http) == []


async def test_expired_data_stay_dropped_after_a_restart(variables: dict[str, str], version: str) -> None:
    variables["EXEMPLAR_SANDBOX_KEEP_SECONDS"] = "0.01"
    async with running(variables) as http:
        made = await create(http, version, "g1")
        body = await reaches(http, made, "succeeded")
        while not body["data_removed"]:
            body = (await http.get(f"/v1/predictions/{made}")).json()

    variables["EXEMPLAR_SANDBOX_KEEP_SECONDS"] = "3600"
    async with running(variables) as http:
        kept = (await http.get(f"/v1/predictions/{made}")).json()
        assert (kept["data_removed"], kept["input"], kept["output"]) == (True, {}, None)
