"""Every alert has a fault that lets it fire in `make alerts`, and the short rules are those of deploy/."""

from pathlib import Path

from tests.alerts.short_rules import LOWER, write_short_rules
from tests.alerts.table import FAULTS
from tests.deploy.queries import alert_rules


def test_every_alert_is_fired_by_a_fault() -> None:
    assert {name for names in FAULTS.values() for name in names} == {rule["alert"] for rule in alert_rules()}


def test_the_short_rules_are_all_rules(tmp_path: Path) -> None:
    write_short_rules(tmp_path / "rules.json")
    written = (tmp_path / "rules.json").read_text()
    assert all(f'"{rule["alert"]}"' in written for rule in alert_rules())
    assert "[5m]" not in written
    assert set(LOWER) <= {rule["alert"] for rule in alert_rules()}
