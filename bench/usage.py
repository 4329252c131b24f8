"""What a measurement costs: CPU time of process trees, and requests that MongoDB served."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_COUNTED = ("insert", "query", "update", "delete", "getmore", "command")


def cpu_ms(pids: Iterable[int]) -> float:
    """Return the CPU time that these processes and their living descendants have used, milliseconds."""
    parents = _parents()
    tree, frontier = set(pids), set(pids)
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier} - tree
        tree |= frontier
    return sum(map(_cpu_of, tree))


def rss_kb(pid: int) -> int:
    """Return the resident memory of a process, kB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def mongodb_requests(url: str) -> int:
    """Return how many operations the server has served since its start."""
    with MongoClient[dict[str, Any]](url) as client:
        counted: Mapping[str, int] = client.admin.command("serverStatus")["opcounters"]
        return sum(counted[name] for name in _COUNTED)


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
