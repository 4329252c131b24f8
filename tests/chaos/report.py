"""The table of a run: what was injected, how often, and which invariants held."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

INVARIANTS = "LDTQWBRE"
REBUILT = ("R", "Q")
"""The invariants that are row 20: rows, sums and counters equal what the log gives."""


@dataclass(frozen=True)
class Result:
    """What one row came to; `broken` maps an invariant, or `run`, to its message."""

    row: str
    what: str
    runs: int
    generations: int
    kills: int
    seconds: float
    broken: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def marks(self) -> list[str]:
        return ["!" if invariant in self.broken else "0" for invariant in INVARIANTS]


@dataclass
class Report:
    """The results of a run so far; printed, and kept in two files if `save` names one."""

    seed: int
    save: Path | None = None
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    versions: Mapping[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)

    def add(self, result: Result) -> None:
        self.results.append(result)
        for invariant, text in result.broken.items():
            say(f"row {result.row}: {invariant}: {text}")
        say(_line(_cells(result)))
        if self.save is not None:
            with self.save.with_suffix(".jsonl").open("a") as file:
                file.write(
                    json.dumps({"seed": self.seed, "at": datetime.now(UTC).isoformat(), **asdict(result)}) + "\n"
                )

    def finish(self) -> int:
        """Print the table and keep it; return the exit code."""
        text = self.as_markdown()
        say(text)
        if self.save is not None:
            self.save.write_text(text + "\n")
        return 1 if any(result.broken for result in self.results) else 0

    def as_markdown(self) -> str:
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        head = f"{self.began:%Y-%m-%d %H:%M} UTC, seed {self.seed}, {os.cpu_count()} cores; {versions}"
        titles = ["row", "runs", "generations", "kills", "seconds", *INVARIANTS, "what"]
        rows = [_cells(result) for result in self.results]
        lines = [_line(titles), "|" + "---|" * len(titles), *map(_line, [*rows, _rebuilt(self.results)])]
        return "\n".join([head, "", *lines])


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _cells(result: Result) -> list[str]:
    what = "; ".join(text for text in (result.what, *result.notes, result.broken.get("run", "")) if text)
    numbers = [result.runs, result.generations, result.kills, round(result.seconds)]
    return [result.row, *map(str, numbers), *result.marks, what]


def _rebuilt(results: Sequence[Result]) -> list[str]:
    """Row 20, which follows every other: how often it was checked, and what differed."""
    wrong = [result.row for result in results if any(name in result.broken for name in REBUILT)]
    what = f"differs after rows {', '.join(wrong)}" if wrong else "equal after every row above"
    marks = [("!" if wrong else "0") if invariant in REBUILT else "" for invariant in INVARIANTS]
    return ["20", str(len(results)), "", "", "", *marks, f"rows, sums and counters rebuilt from the log: {what}"]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
