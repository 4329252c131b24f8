"""All rows of the fault table by their number, and how often each is run."""

from collections.abc import Mapping
from typing import NamedTuple

from tests.chaos.row import Row
from tests.chaos.rows import (
    clocks,
    cluster,
    connections,
    crash_points,
    processes,
    provider,
    servers,
    slow_clients,
    soak,
)


class Runs(NamedTuple):
    """How often a row is run by `make chaos`, which leaves out those with 0, and by `make chaos FULL=1`."""

    short: int = 1
    full: int = 3


FILES = (crash_points, processes, connections, servers, provider, clocks, slow_clients, soak, cluster)
FAULTS: Mapping[str, Row] = {name: row for file in FILES for name, row in file.ROWS.items()}
ROWS: Mapping[str, Row] = dict(sorted(FAULTS.items(), key=lambda row: int(row[0])))
ON_CLUSTER = frozenset(cluster.ROWS)
"""The rows that need several members of each server."""

RUNS: Mapping[str, Runs] = {
    "1": Runs(1, 4),  # each kills at five points
    "2": Runs(1, 10),
    "3": Runs(0, 3),  # each kills six actors at five points: two minutes or more
    "4": Runs(1, 10),
    "5": Runs(1, 10),
    "6": Runs(1, 5),
    "8": Runs(0, 2),
    "10": Runs(1, 10),
    "15": Runs(1, 5),
    "16": Runs(0, 1),  # suspends processes for 40 s
    "17": Runs(0, 2),
    "18": Runs(1, 1),
    "21": Runs(2, 10),  # one fault each, five in turn
}
"""Rows that are run another number of times than most; all of them together take about an hour on two cores."""

SOAK_MINUTES = Runs(short=1, full=30)


def runs_of(row: str) -> Runs:
    return RUNS.get(row, Runs())
