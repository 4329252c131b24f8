"""Simulate many seeds on all cores: `make simulate`.

    python -m tests.simulation [--seeds 100000] [--first 0] [--processes N]

Prints the seeds that fail and what is wrong, and exits with 1 if one does. Equal seeds live equal lives.
"""

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.simulation.seeds import all_lives

_BATCH = 250


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    began, done, failed = time.monotonic(), Counter[str](), 0
    batches = [
        range(first, min(first + _BATCH, given.first + given.seeds))
        for first in range(given.first, given.first + given.seeds, _BATCH)
    ]
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        for found in pool.map(all_lives, batches):
            for life in found:
                done += Counter(seeds=1, kills=life.kills, generations=life.generations, steps=life.steps)
                if life.violations:
                    failed += 1
                    _say(f"seed {life.seed}: {'; '.join(life.violations)}")
            if done["seeds"] % 5000 < _BATCH:
                _say(f"{done['seeds']} seeds, {failed} failed, {time.monotonic() - began:.0f} s")
    _say(f"{dict(done)}, {failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
