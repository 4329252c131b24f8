"""The rules of deploy/ with short times and low thresholds, so that a fault of seconds lets an alert fire."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.deploy.queries import alert_rules

_RANGE: Final = "[20s]"
LOWER: Final[Mapping[str, tuple[str, str]]] = {
    "ExemplarQueueLong": ("> 1000", "> 5"),
    "ExemplarGenerationsWaiting": ("> 120", "> 5"),
    "ExemplarRedeliveries": ("> 0.2", "> 0.02"),
    "ExemplarSealingStopped": ("> 60", "> 10"),
    "ExemplarSubscriberBehind": ("> 1000", "> 3"),
    "ExemplarClaimsOpen": ("> 300", "> 5"),
    "ExemplarWebhooksBehind": ("> 500", "> 3"),
    "ExemplarDecoderKilled": ("> 5", "> 0"),
}
"""Each threshold that only much load or a long time reaches, and the one in its place."""


def write_short_rules(file: Path) -> None:
    """Write the alerts with ranges of 20 seconds, without a time to wait, and with the lower thresholds."""
    rules = [_short(rule) for rule in alert_rules()]
    file.write_text(json.dumps({"groups": [{"name": "short", "rules": rules}]}))  # JSON is YAML


def _short(rule: dict[str, Any]) -> dict[str, Any]:
    expression = re.sub(r"\[\d+m\]", _RANGE, rule["expr"])
    if rule["alert"] in LOWER:
        threshold, lower = LOWER[rule["alert"]]
        assert threshold in expression, rule["alert"]
        expression = expression.replace(threshold, lower)
    return {**rule, "expr": expression, "for": "1s"}
