"""Simulate generations that wait for slots at the provider: `python -m bench.queueing docs/images/queueing`.

Writes .png and .svg: how long they wait at a load of the slots, and what a burst does. Every run draws the same.
"""

import argparse
import heapq
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.report import quantile

Draw = Callable[[random.Random], float]
Arrivals = Callable[[random.Random, float, int], list[float]]

MEAN_S = 6.0
"""Seconds of a prediction: SDXL with its queue at the provider; change it for your model."""


@dataclass(frozen=True)
class Stay:
    """One generation: when it came, got a slot, and was done; seconds."""

    came: float
    began: float
    done: float

    @property
    def wait(self) -> float:
        return self.began - self.came


def simulate(came: Sequence[float], services: Sequence[float], slots: int) -> list[Stay]:
    """Let generations take slots in the order in which they came; `services`: how long each holds its slot."""
    free = [0.0] * slots
    stays = []
    for arrival, service in zip(came, services, strict=True):
        began = max(arrival, free[0])
        heapq.heapreplace(free, began + service)
        stays.append(Stay(arrival, began, began + service))
    return stays


def erlang_c(slots: int, load: float) -> float:
    """Return the share that must wait, with random arrivals and exponential services; load: mean slots in use."""
    blocked = 1.0
    for number in range(1, slots + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked / (1 - load / slots * (1 - blocked))


def mean_wait(slots: int, load: float, service: float) -> float:
    """Return the mean wait of all by the formula of Erlang, in the unit of `service`."""
    return erlang_c(slots, load) * service / (slots - load)


def poisson(chance: random.Random, rate: float, count: int) -> list[float]:
    """Draw arrivals that do not know of each other."""
    return list(accumulate(chance.expovariate(rate) for _ in range(count)))


def bursts(chance: random.Random, rate: float, count: int) -> list[float]:
    """Draw arrivals of the same rate, of which ten at a time come together, as of programs that send lists."""
    begins = poisson(chance, rate / 10, -(-count // 10))
    return [begin for begin in begins for _ in range(10)][:count]


def exponential(chance: random.Random) -> float:
    """Draw the service that the formula of Erlang assumes."""
    return chance.expovariate(1 / MEAN_S)


def lognormal(chance: random.Random) -> float:
    """Draw a service with the same mean, mostly alike, one in a hundred three times as long."""
    sigma = 0.5
    return chance.lognormvariate(math.log(MEAN_S) - sigma**2 / 2, sigma)


def waits(
    arrivals: Arrivals, service: Draw, *, slots: int, share: float, count: int = 40_000, seed: int = 1
) -> list[float]:
    """Simulate `count` generations that use this share of the slots; return the waits behind the first tenth."""
    chance = random.Random(seed)  # noqa: S311 - a simulation
    came = arrivals(chance, share * slots / MEAN_S, count)
    stays = simulate(came, [service(chance) for _ in came], slots)
    return [stay.wait for stay in stays[count // 10 :]]


def backlog(stays: Sequence[Stay], times: Sequence[float]) -> list[int]:
    """Count the generations that wait at each time."""
    return [sum(stay.came <= time < stay.began for stay in stays) for time in times]


def after_a_burst(slots: int, share: float, burst: int, *, seed: int = 1) -> tuple[list[float], list[int]]:
    """Let `burst` generations come at once after a minute of usual load; return times and how many wait."""
    chance, rate = random.Random(seed), share * slots / MEAN_S  # noqa: S311 - a simulation
    usual = poisson(chance, rate, round(rate * 600))
    came = sorted([*usual, *[60.0] * burst])
    times = [float(second) for second in range(0, 600, 3)]
    return times, backlog(simulate(came, [lognormal(chance) for _ in came], slots), times)


def draw(target: Path) -> None:
    """Write the picture as PNG and SVG."""
    import matplotlib as mpl  # noqa: PLC0415 - only who draws loads it
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams.update({"font.family": "DejaVu Sans", "font.size": 9, "svg.hashsalt": "exemplar"})
    figure = Figure(figsize=(10, 4.2), layout="constrained", facecolor="white")
    left, right = figure.subplots(1, 2)
    _draw_waits(left)
    _draw_bursts(right)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target.with_suffix(".png"), dpi=150)
    figure.savefig(target.with_suffix(".svg"), metadata={"Date": None})


def _draw_waits(axes: Any) -> None:
    shares = [0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.96]
    for slots, colour in ((10, "#c2571a"), (100, "#2f7d5b")):
        for arrivals, style, marker in ((poisson, "-", "o"), (bursts, "--", "s")):
            found = [quantile(waits(arrivals, lognormal, slots=slots, share=share), 0.95) for share in shares]
            label = f"{slots} slots, {'tens at once' if arrivals is bursts else 'one by one'}"
            axes.plot(shares, found, style, marker=marker, markersize=4, color=colour, label=label)
    _label(axes, "Waiting time, 95th percentile", "share of the slots in use", "seconds")
    axes.set_xticks([0.5, 0.6, 0.7, 0.8, 0.9, 1.0], ["50 %", "60 %", "70 %", "80 %", "90 %", "100 %"])
    axes.set_ylim(0, 40)


def _draw_bursts(axes: Any) -> None:
    for share, colour in ((0.9, "#c2571a"), (0.7, "#2f7d5b"), (0.5, "#3b6ea5")):
        times, waiting = after_a_burst(100, share, 500)
        axes.plot([time / 60 for time in times], waiting, color=colour, label=f"{share:.0%} in use before")
    _label(axes, "A burst of 500 generations on 100 slots", "minutes", "generations waiting")


def _label(axes: Any, title: str, across: str, up: str) -> None:
    axes.set_title(title, fontsize=10, color="#26323a")
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(color="#d9dee2", linewidth=0.8)
    axes.legend(frameon=False, fontsize=8)


def table() -> str:
    """Compare the simulation with the formula, and with what it does not know; Markdown."""
    lines = [
        "| slots | in use | Erlang C, mean | simulated | as predictions last | tens at once |",
        "|---|---|---|---|---|---|",
    ]
    for slots, share in ((10, 0.7), (10, 0.9), (100, 0.7), (100, 0.9)):
        found = [
            fmean(waits(arrivals, service, slots=slots, share=share))
            for arrivals, service in ((poisson, exponential), (poisson, lognormal), (bursts, lognormal))
        ]
        cells = [mean_wait(slots, share * slots, MEAN_S), *found]
        lines.append(f"| {slots} | {share:.0%} | {' | '.join(f'{cell:.2f} s' for cell in cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.queueing", description="Simulate the queue for slots.")
    parser.add_argument("target", type=Path, help="path of the pictures without .png and .svg")
    given = parser.parse_args()
    draw(given.target)
    print(table(), end="")


if __name__ == "__main__":
    main()
