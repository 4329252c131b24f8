"""The queries of the dashboard and of the alerts."""

import json
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.docs.reading import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
DASHBOARD = ROOT / "deploy/grafana/exemplar.json"


def alert_rules() -> list[dict[str, Any]]:
    """Read the alerts."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def dashboard_queries() -> list[str]:
    """Read the expressions of all panels, with a range for those that Grafana chooses."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [expression.replace("$__rate_interval", "1m") for expression in expressions]
