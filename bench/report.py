"""Rows of results: a table for people, JSON lines for programs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Row:
    """One result: the median of `value`, what it is compared with, and the ratio to that."""

    name: str
    value: float
    unit: str
    vs: str = ""
    ratio: float | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def json(self) -> str:
        row = {"name": self.name, "value": round(self.value, 2), "unit": self.unit, "vs": self.vs}
        row["ratio"] = None if self.ratio is None else round(self.ratio, 3)
        return json.dumps(row | self.more)

    def text(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        more = " ".join(f"{name}={value}" for name, value in self.more.items())
        return f"{self.name:<22} {self.value:>10.1f} {self.unit:<6} {self.vs:<24} {ratio:>6}  {more}"


def spread(values: Sequence[float]) -> str:
    """Write the smallest and the largest value."""
    return f"{min(values):.1f}..{max(values):.1f}"


def compared(name: str, unit: str, ours: Sequence[float], theirs: Sequence[float], label: str, **more: Any) -> Row:
    """Compare alternating repeats: medians, their ratio, and the spread of both."""
    value, base = median(ours), median(theirs)
    note = {"spread": spread(ours), "vs_spread": spread(theirs), **more}
    return Row(name, value, unit, f"{label} {base:.1f}", value / base if base else None, note)
