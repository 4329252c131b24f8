"""What a measurement costs: CPU time, requests of MongoDB, commits, deliveries of queues, polls by itself."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from bench.report import middle
from bench.servers import Servers
from bench.systems import System

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_MONITORING = frozenset({"hello", "isMaster", "ping", "serverStatus", "endSessions"})
_DELIVERED = re.compile(r"messages_delivered_total *=> *(\d+)")
_RABBITMQCTL = "/usr/lib/rabbitmq/bin/rabbitmqctl"


@dataclass(frozen=True)
class Cost:
    """What was used between two readings, a unit of work: milliseconds of CPU by process kind, and counts."""

    cpu_ms: Mapping[str, float]
    mongodb_requests: float
    commits: float
    deliveries: float
    polls: float

    @property
    def cpu(self) -> float:
        return sum(self.cpu_ms.values())


class Meter:
    """Reads the counters of a system and of the servers behind it."""

    def __init__(self, servers: Servers, system: System, *, deliveries: bool = False) -> None:
        self._servers, self._system, self._deliveries = servers, system, deliveries
        self._groups = {**system.pids, **servers.pids}
        self._delivered = self._deliveries_so_far()
        self._before = self._read()

    def _read(self) -> tuple[dict[str, float], int, int, int]:
        url = self._servers.mongodb_url(self._system.database)
        cpu = {name: cpu_ms([pid]) for name, pid in self._groups.items()}
        return cpu, mongodb_requests(url), commits_in(url), self._system.counts["polls"]

    def _deliveries_so_far(self) -> int:
        """Ask RabbitMQ, which takes seconds: last of all, or what runs meanwhile would count."""
        return delivered_messages(self._servers) if self._deliveries else 0

    def cost(self, units: int) -> Cost:
        """Return the cost of each of `units` since the meter was made."""
        (cpu, requests, commits, polls), before = self._read(), self._before
        spent = {name: (used - before[0][name]) / units for name, used in cpu.items()}
        delivered = self._deliveries_so_far() - self._delivered
        counts = (requests - before[1], commits - before[2], delivered, polls - before[3])
        return Cost(spent, *(count / units for count in counts))


def costs(mine: Sequence[Cost], theirs: Sequence[Cost] = ()) -> dict[str, Any]:
    """Write the medians of two systems' costs as the members of a row."""
    return {**_medians(mine, ""), **_medians(theirs, "vs_")}


def _medians(measured: Sequence[Cost], prefix: str) -> dict[str, Any]:
    if not measured:
        return {}
    kinds = measured[0].cpu_ms
    found: dict[str, Any] = {
        "cpu_ms": middle([cost.cpu for cost in measured]),
        "cpu_ms_by_process": {kind: middle([cost.cpu_ms[kind] for cost in measured], 1) for kind in kinds},
        "mongodb_requests": middle([cost.mongodb_requests for cost in measured], 1),
        "commits": middle([cost.commits for cost in measured], 1),
        "deliveries": middle([cost.deliveries for cost in measured], 1),
        "polls": middle([cost.polls for cost in measured], 1),
    }
    return {f"{prefix}{name}": value for name, value in found.items() if value}


def cpu_ms(pids: Iterable[int]) -> float:
    """Return the CPU time that these processes and their living descendants have used, milliseconds."""
    return sum(map(_cpu_of, process_tree(pids)))


def process_tree(pids: Iterable[int]) -> set[int]:
    """Return these processes and their living descendants."""
    parents = _parents()
    tree, frontier = set(pids), set(pids)
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier} - tree
        tree |= frontier
    return tree


def rss_kb(pid: int) -> int:
    """Return the resident memory of a process, kB."""
    return _status(pid, "VmRSS")


def threads(pid: int) -> int:
    """Return the number of a process's threads."""
    return _status(pid, "Threads")


def mongodb_requests(url: str) -> int:
    """Return how many commands mongod has answered since its start, but for those that watch a connection."""
    with MongoClient[dict[str, Any]](url) as client:
        commands: Mapping[str, Any] = client.admin.command("serverStatus")["metrics"]["commands"]
        counts = {name: one["total"] for name, one in commands.items() if isinstance(one, dict) and "total" in one}
        return int(sum(count for name, count in counts.items() if name not in _MONITORING))


def commits_in(url: str) -> int:
    """Return the number of commits in the log of a database."""
    with MongoClient[dict[str, Any]](url) as client:
        return client.get_default_database("none")["commits"].estimated_document_count()


def stored_bytes(url: str) -> dict[str, int]:
    """Return what the documents of each collection take before compression, with their indexes as they are stored."""
    with MongoClient[dict[str, Any]](url) as client:
        database = client.get_default_database("none")
        stats = {name: database.command("collStats", name) for name in database.list_collection_names()}
        return {name: int(one["size"] + one["totalIndexSize"]) for name, one in stats.items()}


def delivered_messages(servers: Servers) -> int:
    """Return how many messages RabbitMQ has delivered to consumers since its start."""
    program = servers.rabbitmq.node.program
    ask = "rabbit_global_counters:overview()."
    command = [_RABBITMQCTL, "--quiet", "-n", program.env["RABBITMQ_NODENAME"], "eval", ask]
    answer = subprocess.run(command, env=dict(program.env), capture_output=True, text=True, timeout=60, check=False)
    return sum(map(int, _DELIVERED.findall(answer.stdout)))


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _parents() -> dict[int, int]:
    found: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields:
                found[int(folder.name)] = int(fields[1])
    return found


def _cpu_of(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) * _TICK_MS if fields else 0.0


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
