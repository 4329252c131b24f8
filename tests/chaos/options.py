import argparse
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.table import ROWS, SOAK_MINUTES, runs_of


@dataclass(frozen=True)
class Options:
    """What to run, how often, and where to keep the table."""

    rows: Sequence[str]
    runs: int | None
    full: bool
    minutes: float
    seed: int
    save: Path | None

    def runs_of(self, row: str) -> int:
        """Return how often a row is run."""
        runs = runs_of(row)
        usual = runs.full if self.full else max(runs.short, 1)
        return usual if self.runs is None else self.runs


def read_options(arguments: Sequence[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description="Fault injection, and which invariants held."
    )
    parser.add_argument("--rows", help=f"rows by comma, of {', '.join(ROWS)}; else the short ones, or all if full")
    parser.add_argument("--runs", type=int, help="how often each row is run, instead of its own number")
    parser.add_argument("--full", action="store_true", help="each row's full number of runs: about an hour")
    parser.add_argument("--minutes", type=float, help="how long row 18 lasts")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**32))
    parser.add_argument("--save", type=Path, help="file for the table (Markdown); its lines as JSON go beside it")
    given = parser.parse_args(arguments)
    rows = given.rows.split(",") if given.rows else [row for row in ROWS if given.full or runs_of(row).short]
    unknown = set(rows) - ROWS.keys()
    if unknown:
        parser.error(f"unknown rows: {', '.join(sorted(unknown))}")
    minutes = given.minutes or (SOAK_MINUTES.full if given.full else SOAK_MINUTES.short)
    return Options(rows, given.runs, given.full, minutes, given.seed, given.save)
