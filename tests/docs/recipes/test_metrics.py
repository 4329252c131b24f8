"""docs/metrics.md and deploy/: a real Prometheus scrapes a running system, and every query finds its series."""

import re
from pathlib import Path

import aiohttp
import pytest

from tests.deploy.queries import ALERTS, alert_rules, dashboard_queries
from tests.docs.reading import blocks
from tests.docs.recipes.pages import missing, run
from tests.systems.prometheus import Prometheus, is_missing, opened_prometheus
from tests.systems.system import System
from tests.systems.tenants import make_tenant
from tests.systems.waiting import until

_SELECTOR = re.compile(r"exemplar_\w+(?:\{[^}]*\})?")


@pytest.mark.skipif(missing("curl"), reason="no curl")
def test_the_programs_of_the_page_work(solo: System, metrics_port: int, tmp_path: Path) -> None:
    script = "set -euo pipefail\n" + "\n".join(blocks("docs/metrics.md", "sh"))
    assert run(["bash", "-c", script], tmp_path, {"METRICS_PORT": str(metrics_port)}) == (
        'exemplar_process{process="solo"} 1.0\n'
    )


@pytest.mark.skipif(is_missing(), reason="no Prometheus")
async def test_every_query_finds_its_series_in_a_running_system(
    solo: System, metrics_port: int, tmp_path: Path
) -> None:
    async with aiohttp.ClientSession() as session:
        tenant = await make_tenant(solo, session, "internal")
        await tenant.completed(await tenant.accepted())
    async with opened_prometheus(tmp_path, ALERTS, [f"127.0.0.1:{metrics_port}"]) as prometheus:
        found = [selector for rule in alert_rules() for selector in _SELECTOR.findall(rule["expr"])]
        queries = [*dashboard_queries(), *map(_of_a_healthy_system, found)]
        await until(lambda: _all_find(prometheus, queries), "every query finds series", every=0.5)
        await until(lambda: _all_evaluated(prometheus), "every alert was evaluated", every=0.5)
        assert await prometheus.query('exemplar_generations_total{status="completed"} > 0')
        assert await prometheus.query("max(exemplar_mongodb_disk_size_bytes) > 0")
        assert await prometheus.firing() == set()


def _of_a_healthy_system(selector: str) -> str:
    """Select the answers that there are: no route has failed yet."""
    return selector.replace('code=~"5.."', 'code=~"2.."')


async def _all_find(prometheus: Prometheus, queries: list[str]) -> bool:
    """Drop the queries that find series; tell whether none is left."""
    queries[:] = [query for query in dict.fromkeys(queries) if not await prometheus.query(query)]
    return not queries


async def _all_evaluated(prometheus: Prometheus) -> bool:
    rules = await prometheus.rules()
    assert [rule["name"] for rule in rules if rule["health"] == "err"] == []
    return len(rules) == len(alert_rules()) and all(rule["health"] == "ok" for rule in rules)
