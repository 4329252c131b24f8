"""Rows of results: a table for people, JSON lines for programs, Markdown for the documentation.

    python -m bench.report FILE --markdown

prints the table of docs/performance.md from saved lines.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.goals import GOALS, Goal

HEADING = f"{'name':<24} {'value':>10} {'unit':<6} {'vs':<24} {'ratio':>6}  goal"


@dataclass(frozen=True)
class Row:
    """One result: the median of `value`, what it is compared with, and the ratio to that.

    `more` holds what was measured beside it: spread, costs, percentiles. A measurement that failed has `error`.
    """

    name: str
    value: float
    unit: str
    vs: str = ""
    ratio: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def goal(self) -> Goal | None:
        return GOALS.get(self.name)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a result."""
        if self.goal is None or "error" in self.more:
            return None
        return self.goal.met(self.value, self.ratio)

    def json(self) -> str:
        row = {"name": self.name, "value": round(self.value, 2), "unit": self.unit, "vs": self.vs}
        row["ratio"] = None if self.ratio is None else round(self.ratio, 3)
        return json.dumps(row | self.more)

    def text(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        goal = f"{self.goal.text} {verdict(self)}" if self.goal else ""
        first = f"{self.name:<24} {self.value:>10.1f} {self.unit:<6} {self.vs:<24} {ratio:>6}  {goal}".rstrip()
        more = " ".join(f"{name}={_shown(value)}" for name, value in self.more.items())
        return f"{first}\n{'':<24}   {more}" if more else first


def read_rows(text: str) -> list[Row]:
    """Read JSON lines; of several rows with one name the last is kept, at the place of the first."""
    rows = {}
    for line in text.splitlines():
        read = json.loads(line)
        known = {name: read.pop(name) for name in ("name", "value", "unit", "vs", "ratio")}
        rows[known["name"]] = Row(**known, more=read)
    return list(rows.values())


def verdict(row: Row) -> str:
    """Say whether a row meets its goal."""
    if "error" in row.more:
        return "failed"
    return {None: "", True: "met", False: "missed"}[row.met]


def failed(name: str, error: BaseException) -> Row:
    """Make the row of a measurement that ended with an error."""
    return Row(name, 0.0, "", more={"error": f"{type(error).__name__}: {error}"[:500]})


def middle(values: Sequence[float], digits: int = 2) -> float:
    """Return the rounded median."""
    return round(median(values), digits)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of all values lie; 0 for no values."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Write the smallest and the largest value."""
    return f"{min(values):.{digits}f}..{max(values):.{digits}f}"


def compared(name: str, unit: str, ours: Sequence[float], theirs: Sequence[float], label: str, **more: Any) -> Row:
    """Compare alternating repeats: the medians of both, the median of the rounds' ratios, and the spread of each.

    A round's ratio is of two measurements that follow each other: the machine may be faster in the next round.
    """
    note: dict[str, Any] = {"spread": spread(ours), "vs_spread": spread(theirs)}
    ratio = None
    if all(theirs):
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        note["ratio_spread"], ratio = spread(ratios, 2), median(ratios)
    return Row(name, median(ours), unit, f"{label} {median(theirs):.1f}", ratio, {**note, **more})


def repeated(name: str, unit: str, values: Sequence[float], **more: Any) -> Row:
    """Report the median of repeats that are compared with nothing but a goal."""
    return Row(name, median(values), unit, more={"spread": spread(values), **more})


def markdown(rows: Sequence[Row]) -> str:
    """Write the table of the goals with what was measured."""
    lines = ["| row | work | before | goal | measured | spread | |", "|---|---|---|---|---|---|---|"]
    by_name = {row.name: row for row in rows}
    for name, goal in GOALS.items():
        row = by_name.get(name)
        cells = [f"`{name}`", goal.work, goal.before, goal.text, *(_measured(row) if row else ("not run", "", ""))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _measured(row: Row) -> tuple[str, str, str]:
    if "error" in row.more:
        return f"failed: {row.more['error'].partition(':')[0]}", "", ""
    shown = f"{_number(row.value)} {row.unit}".strip()
    if row.ratio is not None:
        shown = f"{row.ratio:.2f} ({shown}; {row.vs})"
    spread_of_ratio = row.more.get("ratio_spread") if row.goal and row.goal.of == "ratio" else None
    return shown, spread_of_ratio or row.more.get("spread", ""), verdict(row)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + " ".join(f"{name}:{_shown(part)}" for name, part in value.items()) + "}"
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.report", description="Show saved results.")
    parser.add_argument("file", type=Path, help="JSON lines of `python -m bench --save`")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/performance.md")
    given = parser.parse_args()
    rows = read_rows(given.file.read_text(encoding="utf-8"))
    table = markdown(rows) if given.markdown else "\n".join([HEADING, *(row.text() for row in rows)]) + "\n"
    sys.stdout.write(table)


if __name__ == "__main__":
    main()
