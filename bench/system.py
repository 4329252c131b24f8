"""A whole system in a temporary home, the floor beside it, and an account without limits."""

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
async def running_system(broker: str) -> AsyncIterator[tuple[dict[str, Any], str]]:
    """Run `exemplar up` and the floor; yield the content of demo.json and the floor's URL."""
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


async def register_user(base_url: str, operator_key: str) -> dict[str, Any]:
    """Register a developer of the internal tier and an end user; return the user's credentials and id."""
    developer, user = _login() | {"tier": "internal"}, _login()
    async with aiohttp.ClientSession(f"{base_url}/") as session:
        registered = await _post(session, developer, {"X-Operator-Key": operator_key})
        made = registered["provisioning"]
        keys = {
            "X-Developer-Key": made["developer_key"],
            "X-Project-ID": made["project_id"],
            "X-API-Key": made["api_key"],
        }
        return {**made, **user, "base_url": base_url, "user_id": (await _post(session, user, keys))["id"]}


async def _post(session: aiohttp.ClientSession, body: dict[str, str], headers: dict[str, str]) -> Any:
    async with session.post("api/v1/auth/register", json=body, headers=headers) as response:
        response.raise_for_status()
        return await response.json()


def _login() -> dict[str, str]:
    return {"email": f"{secrets.token_hex(6)}@bench.example", "password": secrets.token_urlsafe(12)}


def _floor(mongodb_url: str, port: int) -> subprocess.Popen[bytes]:
    env = os.environ | {"FLOOR_MONGODB_URL": mongodb_url}
    return subprocess.Popen([sys.executable, "-m", "bench.floor", str(port)], env=env)


async def _demo(home: Path, system: subprocess.Popen[bytes]) -> dict[str, Any]:
    file = home / "demo.json"
    while not file.exists():
        if system.poll() is not None:
            raise SystemExit("exemplar up did not start: run it to see why")
        await asyncio.sleep(0.1)
    demo: dict[str, Any] = json.loads(file.read_text())
    return demo
