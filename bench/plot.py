"""Draw saved results as one picture: `python -m bench.plot FILE docs/images/performance` writes .png and .svg.

Each row is drawn by how far it is beyond its goal: 1 meets it exactly, more is better, on a logarithmic scale.
"""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.goals import GOALS, Goal
from bench.report import Row, read_rows

MET, MISSED, INK, GREY, PALE = "#2f7d5b", "#c2571a", "#26323a", "#6b7780", "#d9dee2"
LEAST, MOST = 0.2, 8.0


@dataclass(frozen=True)
class Bar:
    """What is drawn of a row: `share` of 1 meets the goal."""

    label: str
    share: float
    note: str
    goal: str


def bars(rows: Sequence[Row]) -> list[Bar]:
    """Make a bar of each row that has a goal and a result, in the order of the goals."""
    found = {row.name: row for row in rows if row.met is not None}
    return [_bar(goal, found[name]) for name, goal in GOALS.items() if name in found]


def _bar(goal: Goal, row: Row) -> Bar:
    number = row.value if goal.of == "value" else row.ratio or 0.0
    unit = "x" if goal.of == "ratio" else f" {goal.unit}".rstrip()
    digits = 0 if number >= 10 or number == int(number) else 2
    return Bar(goal.work.replace("`", ""), share_of(goal, number), f"{number:,.{digits}f}{unit}", goal.text)


def share_of(goal: Goal, number: float) -> float:
    """Return how far a number is beyond a limit: above 1 is better than the goal, within what can be drawn."""
    if goal.sign == ">=":
        share = number / goal.limit
    else:
        share = goal.limit / number if number > 0 else MOST
        share = 1.0 if goal.limit == number == 0 else share
    return min(MOST, max(LEAST, share))


def draw(drawn: Sequence[Bar], target: Path) -> None:
    """Write a picture of the bars as PNG and SVG."""
    import matplotlib as mpl  # noqa: PLC0415 - only who draws loads it
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9, "svg.hashsalt": "exemplar"})
    figure = Figure(figsize=(9.5, 0.8 + 0.29 * len(drawn)), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    right = math.log2(MOST) + 2.4
    for height, bar in enumerate(reversed(drawn)):
        colour = MET if bar.share >= 1 else MISSED
        left, width = min(0.0, math.log2(bar.share)), abs(math.log2(bar.share))
        axes.barh(height, max(width, 0.03), left=left, height=0.62, color=colour, zorder=2)
        above = bar.share >= 1
        axes.annotate(
            bar.note,
            (math.log2(bar.share), height),
            xytext=(5 if above else -5, 0),
            textcoords="offset points",
            ha="left" if above else "right",
            va="center",
            color=colour,
            fontweight="bold",
            fontsize=8,
        )
        axes.annotate(bar.goal, (right, height), ha="right", va="center", color=GREY, fontsize=8)
    ticks = [0.25, 0.5, 1, 2, 4, 8]
    axes.set_xticks([math.log2(tick) for tick in ticks], [f"{tick:g}x" for tick in ticks])
    axes.set_yticks(range(len(drawn)), [bar.label for bar in reversed(drawn)])
    axes.set_xlim(math.log2(LEAST) - 1.3, right)
    axes.set_ylim(-0.7, len(drawn) - 0.3)
    axes.axvline(0, color=INK, linewidth=1.2, zorder=3)
    axes.grid(axis="x", color=PALE, linewidth=0.8, zorder=0)
    axes.tick_params(length=0, colors=INK)
    figure.suptitle("What was measured, against its goal: right of the line is better", color=INK, fontsize=11)
    for side in axes.spines.values():
        side.set_visible(False)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target.with_suffix(".png"), dpi=150)
    figure.savefig(target.with_suffix(".svg"), metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.plot", description="Draw saved results.")
    parser.add_argument("file", type=Path, help="JSON lines of `python -m bench --save`")
    parser.add_argument("target", type=Path, help="path of the pictures without .png and .svg")
    given = parser.parse_args()
    draw(bars(read_rows(given.file.read_text(encoding="utf-8"))), given.target)


if __name__ == "__main__":
    main()
