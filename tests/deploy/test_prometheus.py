"""The files for Prometheus and Grafana: promtool accepts them, and they name only metrics that exist."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from exemplar.metrics.catalogue import METRICS
from metrics.metric import Histogram
from tests.deploy.queries import ALERTS, DASHBOARD, PROMETHEUS, alert_rules, dashboard_queries
from tests.docs.reading import ROOT
from tests.systems.prometheus import is_missing

_OPERATIONS = (ROOT / "docs/operations.md").read_text()


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.skipif(is_missing(), reason="no Prometheus")
@pytest.mark.parametrize("name", ["prometheus.yml", "local.yml"])
def test_promtool_accepts_the_configuration_and_the_rules(name: str) -> None:
    assert "rules found" in promtool("check", "config", name)


@pytest.mark.skipif(is_missing(), reason="no Prometheus")
def test_promtool_finds_that_the_alerts_fire_when_they_should() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts.test.yml")


def test_every_alert_is_tested_and_has_a_page_of_the_runbook() -> None:
    tested = {one["alertname"] for one in _alert_tests()}
    for rule in alert_rules():
        name = rule["alert"]
        assert name in tested, f"alerts.test.yml does not test {name}"
        assert rule["annotations"]["runbook"] == f"docs/operations.md#{name.lower()}"
        assert f"\n### {name}\n" in _OPERATIONS, f"docs/operations.md has no section {name}"
        assert rule["labels"]["severity"] in {"critical", "warning"}
    named = set(re.findall(r"^### (Exemplar\w+)$", _OPERATIONS, re.MULTILINE))
    assert named == {rule["alert"] for rule in alert_rules()}


def test_queries_name_only_metrics_that_exist() -> None:
    suffixes = ("_bucket", "_sum", "_count")
    known = {metric.name for metric in METRICS}
    known |= {metric.name + suffix for metric in METRICS if isinstance(metric, Histogram) for suffix in suffixes}
    queries = [*dashboard_queries(), *(rule["expr"] for rule in alert_rules())]
    named = {name for query in queries for name in re.findall(r"\bexemplar_\w+", query)}
    assert named <= known, named - known


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(dashboard_queries())
    assert [metric.name for metric in METRICS if metric.name not in shown] == []


def test_the_dashboard_is_what_grafana_loads() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    source = yaml.safe_load((DASHBOARD.parent / "provisioning/datasources/prometheus.yml").read_text())
    [uid] = [one["uid"] for one in source["datasources"]]
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {uid}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def _alert_tests() -> Iterator[dict[str, Any]]:
    document = yaml.safe_load(ALERTS.with_name("alerts.test.yml").read_text())
    for test in document["tests"]:
        yield from (one for one in test["alert_rule_test"] if one["exp_alerts"])
