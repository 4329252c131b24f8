"""The sandbox process: start, public URL, and end in time."""

import asyncio
import os
import signal
import socket
import sys
import time
from typing import Any

import httpx
import pytest

from sandbox.settings import SandboxSettings

_PROGRAM = "from sandbox.app import run; from sandbox.settings import SandboxSettings; run(SandboxSettings())"


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _answering(http: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await http.get("/_sandbox/creations")
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_the_process_ends_within_two_seconds_of_sigterm_under_load(port: int, version: str) -> None:
    variables = {
        "EXEMPLAR_SANDBOX_PORT": str(port),
        "EXEMPLAR_SANDBOX_PUBLIC_URL": "https://sandbox.example/",
        "EXEMPLAR_SANDBOX_PICTURE": "ready",
        "EXEMPLAR_SANDBOX_PREDICT_SECONDS": "0",
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _PROGRAM, env=os.environ | variables)
    headers = {"Authorization": "Bearer r8_sandbox"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:
        await _answering(http)
        made = await _create(http, version)
        assert made["output"] == [f"https://sandbox.example/files/out/{made['id']}/out-0.png"]
        await http.post("/_sandbox/faults", json={"create": "hang", "times": 1})
        hanging = asyncio.create_task(_create(http, version))
        await _taken(http)
        begun = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0
        assert time.monotonic() - begun < 2
        with pytest.raises(httpx.HTTPError):
            await hanging


async def _taken(http: httpx.AsyncClient) -> None:
    """Wait until the armed fault has met its create."""
    async with asyncio.timeout(10):
        while (await http.get("/_sandbox/faults")).json():  # noqa: ASYNC110 - another process cannot set an event
            await asyncio.sleep(0.02)


async def _create(http: httpx.AsyncClient, version: str) -> dict[str, Any]:
    body = {"version": version, "input": {"prompt": "x"}}
    answer = await http.post("/v1/predictions", json=body, headers={"Prefer": "wait"}, timeout=20)
    made: dict[str, Any] = answer.json()
    return made


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXEMPLAR_SANDBOX_TOKEN", "r8_mine")
    assert SandboxSettings().token == "r8_mine"
