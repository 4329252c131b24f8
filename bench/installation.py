"""A whole installation in a temporary home, with an account that no tier limits, and the floor beside it."""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from exemplar.local.ports import Ports

ENVIRONMENT = {
    "EXEMPLAR_SANDBOX_PICTURE": "ready",
    "EXEMPLAR_SANDBOX_BOOT_SECONDS": "0",
    "EXEMPLAR_SANDBOX_PREDICT_SECONDS": "0",
}


@asynccontextmanager
async def installation(broker: str) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """Start `exemplar up` and the floor; give what demo.json says, and the floor's URL."""
    with tempfile.TemporaryDirectory(prefix="exemplar-bench-") as folder:
        home = Path(folder)
        ports = Ports(home / "bench.json")
        env = (
            os.environ
            | ENVIRONMENT
            | {
                "EXEMPLAR_HOME": folder,
                "EXEMPLAR_PORT": str(ports.of("gateway")),
            }
        )
        command = [sys.executable, "-m", "exemplar", "up", "--broker", broker]
        system = await asyncio.to_thread(subprocess.Popen, command, env=env, stdout=subprocess.DEVNULL)
        try:
            demo = await _demo(home, system)
            port = ports.of("floor")
            floor = _floor(demo["mongodb_url"], port)
            try:
                yield demo, f"http://127.0.0.1:{port}"
            finally:
                floor.kill()
                floor.wait()
        finally:
            system.terminate()
            await asyncio.to_thread(system.wait, 90)


async def unlimited(demo: dict[str, Any]) -> dict[str, Any]:
    """Register a developer of the internal tier and an end user; return the latter's credentials."""
    operator = {"X-Operator-Key": demo["operator_key"]}
    developer = {"email": _email(), "password": secrets.token_urlsafe(12), "tier": "internal"}
    async with aiohttp.ClientSession() as session:
        url = f"{demo['base_url']}/api/v1/auth/register"
        async with session.post(url, json=developer, headers=operator) as answer:
            answer.raise_for_status()
            made = (await answer.json())["provisioning"]
        keys = {
            "X-Developer-Key": made["developer_key"],
            "X-Project-ID": made["project_id"],
            "X-API-Key": made["api_key"],
        }
        user = {"email": _email(), "password": secrets.token_urlsafe(12)}
        async with session.post(url, json=user, headers=keys) as answer:
            answer.raise_for_status()
    return {**made, **user, "base_url": demo["base_url"]}


def _email() -> str:
    return f"{secrets.token_hex(6)}@bench.example"


def _floor(mongodb_url: str, port: int) -> subprocess.Popen[bytes]:
    env = os.environ | {"FLOOR_MONGODB_URL": mongodb_url}
    return subprocess.Popen([sys.executable, "-m", "bench.floor", str(port)], env=env)


async def _demo(home: Path, system: subprocess.Popen[bytes]) -> dict[str, Any]:
    file = home / "demo.json"
    while not file.exists():
        if system.poll() is not None:
            raise SystemExit("exemplar up did not start: run it by hand to see why")
        await asyncio.sleep(0.1)
    demo: dict[str, Any] = json.loads(file.read_text())
    return demo
