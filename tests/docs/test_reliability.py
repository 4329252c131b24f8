"""The fault table names the rows of `make chaos`, and the table of bounds the defaults of the settings."""

import re

from exemplar.settings import sections
from store.crash_points import POINTS
from tests.chaos.table import ROWS
from tests.docs.reading import table

DEFAULTS = {setting.name: setting.default for _, found in sections() for setting in found}


def test_the_fault_table_names_exactly_the_rows_of_chaos() -> None:
    faults = table("docs/reliability.md", "## The fault table")
    assert [row[0] for row in faults] == [str(number) for number in range(1, len(faults) + 1)]
    named = {row[0]: re.findall(r"\bchaos (\d+)", row[-1]) for row in faults}
    assert {number for number, rows in named.items() if rows} == ROWS.keys()
    assert all(rows in ([], [number]) for number, rows in named.items())


def test_the_crash_points_are_those_of_the_code() -> None:
    points = {row[0]: re.findall(r"`(\w+)`", row[1]) for row in table("docs/reliability.md", "## Crash points")}
    assert points == {role: list(names) for role, names in POINTS.items()}


def test_every_bound_is_the_default_of_its_setting() -> None:
    for row in table("SECURITY.md", "## Bounds"):
        bounds = set(re.findall(r"\d+(?:,\d{3})*(?: MiB)?", " ".join(row[1:-1])))
        for name in re.findall(r"`(EXEMPLAR_\w+)`", row[-1]):
            default = DEFAULTS[name]
            assert not default or bounds & _shown(float(default)), name


def _shown(default: float) -> set[str]:
    return {f"{default:,.0f}", f"{default:,.0f} MiB", f"{default / 2**20:,.0f} MiB"}
