"""The start of a whole system on warm files, and what an idle one costs."""

import os
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.options import Options
from bench.progress import say
from bench.report import Row, compared, spread
from bench.servers import ROOT, Servers, exemplar
from bench.systems import open_ours
from bench.usage import cpu_ms
from exemplar.local.mongod import Mongod
from exemplar.local.ports import Ports
from store.mongo.replica_set import initiate_replica_set

IDLE_SECONDS = 15.0
QUIET = 15


def start(servers: Servers, options: Options) -> Iterator[Row]:
    """Start `exemplar up` on a home that it made before, and mongod alone on the same files, in turns."""
    with tempfile.TemporaryDirectory(prefix="exemplar-bench-up-") as name:
        home, port = Path(name), servers.ports.of("up")
        with _running(home, port) as seconds:
            say(f"start: {seconds:.1f} s with new files")
        ours, alone = list[float](), list[float]()
        for _ in range(options.repeats):
            alone.append(_start_mongod(home))
            with _running(home, port) as seconds:
                ours.append(seconds)
            say(f"start: {ours[-1]:.2f} s, mongod alone {alone[-1]:.2f} s")
    beyond = [mine - other for mine, other in zip(ours, alone, strict=True)]
    row = compared("start", "s", ours, alone, "mongod")
    note = {"up_s": round(row.value, 2), "spread": spread(beyond, 2)}
    yield Row("start", row.value - sorted(alone)[len(alone) // 2], "s", row.vs, more={**row.more, **note})


@contextmanager
def _running(home: Path, port: int) -> Iterator[float]:
    """Run `exemplar up`; yield the seconds until its gateway answered a request."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "EXEMPLAR_HOME": str(home), "EXEMPLAR_PORT": str(port)}
    began = time.perf_counter()
    with (home / "up.log").open("ab") as log:
        child = subprocess.Popen(exemplar("up"), env=environment, stdout=log, stderr=log, cwd=ROOT)
    try:
        while not _answers(port):
            assert child.poll() is None, (home / "up.log").read_text()[-2000:]
            time.sleep(0.01)
        yield time.perf_counter() - began
        time.sleep(3)  # the accounts and the first generation
    finally:
        child.terminate()
        child.wait(60)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _start_mongod(home: Path) -> float:
    mongod = Mongod(home, Ports(home / "ports.json").of("mongod"), os.environ)
    began = time.perf_counter()
    mongod.launch()
    mongod.wait_ready(initiate_replica_set)
    seconds = time.perf_counter() - began
    mongod.child.stop()
    return seconds


def idle(servers: Servers, options: Options) -> Iterator[Row]:
    """Measure the CPU of a system without work, and by how much more its servers take than without the system.

    It begins when nothing has happened for more than ten seconds: then the scheduler's jobs run less often.
    """
    time.sleep(5 * options.settle)
    alone = _mean(_shares(servers.pids, options.repeats))
    with open_ours(servers, accounts=1, background=True) as ours:
        time.sleep(QUIET * options.settle)
        shares = _shares({**ours.pids, **servers.pids}, options.repeats)
    totals = [sum(share.values()) - sum(alone.values()) for share in shares]
    note = {"spread": spread(totals, 2), "by_process": _mean(shares), "servers_alone": alone}
    yield Row("idle", sum(totals) / len(totals), "%", more=note)


def _shares(pids: Mapping[str, int], parts: int) -> list[dict[str, float]]:
    """Measure the shares of a core (%) that processes use in so many parts of a while."""
    shares: list[dict[str, float]] = []
    for _ in range(parts):
        before = {name: cpu_ms([pid]) for name, pid in pids.items()}
        time.sleep(IDLE_SECONDS / parts)
        spent = {name: cpu_ms([pid]) - before[name] for name, pid in pids.items()}
        shares.append({name: used * parts / IDLE_SECONDS / 10 for name, used in spent.items()})
    return shares


def _mean(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the mean of each process."""
    return {name: round(sum(share[name] for share in shares) / len(shares), 2) for name in shares[0]}
