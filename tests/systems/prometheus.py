"""A real Prometheus that scrapes given targets."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from exemplar.local.ports import Ports
from tests.systems.waiting import until

JOB = "exemplar"


def is_missing() -> bool:
    """Tell whether this machine has no Prometheus: `make programs` installs it."""
    return shutil.which("prometheus") is None or shutil.which("promtool") is None


class Prometheus:
    """Asks a running Prometheus over its HTTP API."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url, self._session = url, session

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the series of an expression now; fail for one that is none."""
        answer = await self._get("query", query=expression)
        result = answer["result"]
        return [{"value": result}] if answer["resultType"] == "scalar" else list(result)

    async def rules(self) -> list[dict[str, Any]]:
        """Return every rule with its health and its state."""
        groups = (await self._get("rules"))["groups"]
        return [rule for group in groups for rule in group["rules"]]

    async def firing(self) -> set[str]:
        """Name the alerts that fire now."""
        alerts = (await self._get("alerts"))["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    async def scraped(self) -> bool:
        """Tell whether every target answers."""
        targets = (await self._get("targets"))["activeTargets"]
        return all(target["health"] == "up" for target in targets)

    async def _get(self, what: str, **query: str) -> dict[str, Any]:
        async with self._session.get(f"{self._url}/api/v1/{what}", params=query) as response:
            body = await response.json()
        assert body["status"] == "success", (query, body)
        return dict(body["data"])


@asynccontextmanager
async def opened_prometheus(
    folder: Path, rules: Path, targets: Sequence[str], *, interval: str = "500ms"
) -> AsyncIterator[Prometheus]:
    """Run Prometheus with a file of rules until the end of the block; it scrapes and evaluates every `interval`."""
    port = Ports(folder / "ports.json").of("prometheus")
    url, process = f"http://127.0.0.1:{port}", _start(folder, _config(rules, targets, interval), port)
    try:
        async with aiohttp.ClientSession() as session:
            await until(lambda: _answers(session, f"{url}/-/ready"), "Prometheus is ready")
            yield Prometheus(url, session)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)


def _start(folder: Path, config: dict[str, Any], port: int) -> "subprocess.Popen[bytes]":
    file = folder / "prometheus.json"  # JSON is YAML
    file.write_text(json.dumps(config))
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    with (folder / "prometheus.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def _config(rules: Path, targets: Sequence[str], interval: str) -> dict[str, Any]:
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": JOB, "static_configs": [{"targets": list(targets)}]}],
    }


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False
