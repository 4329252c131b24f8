"""The target of a process: its port, its address, and that there is none without a port."""

import asyncio
import urllib.request
from pathlib import Path

import pytest

from exemplar.environment import ConfigurationError
from exemplar.local.options import Options
from exemplar.local.ports import Ports
from exemplar.local.programs import service
from exemplar.metrics.settings import MetricsSettings
from exemplar.metrics.target import open_metrics
from metrics.metrics import NO_METRICS
from store.metrics import APPENDS


def free_port(folder: Path) -> int:
    return Ports(folder / "ports.json").of("metrics")


def read(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return str(answer.read().decode())


async def test_without_a_port_nothing_is_measured() -> None:
    async with open_metrics(MetricsSettings(metrics_port=None), "worker") as metrics:
        assert metrics is NO_METRICS
        assert not metrics.enabled


async def test_a_process_tells_what_it_counted_on_the_port_of_its_number(tmp_path: Path) -> None:
    port = free_port(tmp_path)
    async with open_metrics(MetricsSettings(metrics_port=port - 2), "worker", 3) as metrics:
        metrics.count(APPENDS, "appended", by=2)
        told = await asyncio.to_thread(read, port)
    assert 'exemplar_appends_total{outcome="appended"} 2.0' in told
    assert 'exemplar_process{process="worker"} 1.0' in told
    assert "process_cpu_seconds_total" in told
    with pytest.raises(OSError, match="refused"):
        await asyncio.to_thread(read, port)


async def test_a_port_that_is_taken_stops_the_process_with_one_line(tmp_path: Path) -> None:
    settings = MetricsSettings(metrics_port=free_port(tmp_path))
    async with open_metrics(settings, "worker"):
        with pytest.raises(ConfigurationError, match=r"EXEMPLAR_METRICS_PORT \d+ cannot be opened"):
            async with open_metrics(settings, "scheduler"):
                pass


def test_each_process_of_one_machine_has_a_port_of_its_own(tmp_path: Path) -> None:
    def port_of(name: str, chosen: str) -> str | None:
        child = service(name, Options(home=tmp_path), {"EXEMPLAR_METRICS_PORT": chosen})
        return child.program.env.get("EXEMPLAR_METRICS_PORT")

    assert [port_of(name, "9400") for name in ("gateway", "worker", "scheduler")] == ["9400", "9401", "9402"]
    assert port_of("solo", "9400") == "9400"
    assert port_of("worker", "") == ""
