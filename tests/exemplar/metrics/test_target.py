"""What a process tells Prometheus on its own port, and that without a port it measures nothing."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from exemplar.local.options import Options
from exemplar.local.ports import Ports
from exemplar.local.programs import service
from exemplar.metrics.opening import open_metrics
from exemplar.metrics.page import metrics_page
from exemplar.metrics.settings import MetricsSettings
from exemplar.probe_wiring import open_internal_server
from metrics.metrics import NO_METRICS, Metrics
from store.metrics import APPENDS


@asynccontextmanager
async def opened_target(settings: MetricsSettings, number: int) -> AsyncIterator[Metrics]:
    async with (
        open_metrics(settings, "worker") as metrics,
        open_internal_server(settings, metrics_page(metrics), number),
    ):
        yield metrics


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return str(answer.read().decode())


async def test_without_a_port_nothing_is_measured() -> None:
    async with opened_target(MetricsSettings(metrics_port=None), 1) as metrics:
        assert metrics is NO_METRICS
        assert not metrics.enabled
        assert metrics_page(metrics) == {}


async def test_a_process_tells_what_it_counted_on_the_port_of_its_number(tmp_path: Path) -> None:
    port = Ports(tmp_path / "ports.json").of("metrics")
    async with opened_target(MetricsSettings(metrics_port=port - 2), 3) as metrics:
        metrics.count(APPENDS, "appended", by=2)
        told = await asyncio.to_thread(read, port)
    assert 'exemplar_appends_total{outcome="appended"} 2.0' in told
    assert 'exemplar_process{process="worker"} 1.0' in told
    assert "process_cpu_seconds_total" in told
    with pytest.raises(urllib.error.URLError, match="refused"):
        await asyncio.to_thread(read, port)


def test_each_process_of_one_machine_has_a_port_of_its_own(tmp_path: Path) -> None:
    def port_of(name: str, chosen: str) -> str | None:
        child = service(name, Options(home=tmp_path), {"EXEMPLAR_METRICS_PORT": chosen})
        return child.program.env.get("EXEMPLAR_METRICS_PORT")

    assert [port_of(name, "9400") for name in ("gateway", "worker", "scheduler")] == ["9400", "9401", "9402"]
    assert port_of("solo", "9400") == "9400"
    assert port_of("worker", "") == ""
