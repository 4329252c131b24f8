"""Fuzz a whole system on real servers: `make fuzz`.

    python -m tests.fuzz [--inputs 50000] [--seed N] [--only multipart,cursors] [--example TEXT]

Prints the seed first, a line after each batch, and for a failure how to repeat exactly that input. Exit code 1
when an input fails.
"""

import argparse
import logging
import random
import sys
import tempfile
from pathlib import Path

from exemplar.logging import configure_logging
from tests.fuzz.campaign import Campaign, Result
from tests.fuzz.service import Service, started_service
from tests.fuzz.table import TARGETS, shares
from tests.systems.databases import opened_databases
from tests.systems.servers import Servers, started


def main() -> int:
    options = _options()
    configure_logging("fuzz", level=logging.CRITICAL + 1)
    _say(f"seed {options.seed}")
    with (
        tempfile.TemporaryDirectory(prefix="exemplar-fuzz-") as folder,
        started(Servers(Path(folder))) as servers,
        opened_databases(servers.mongod.url) as databases,
        started_service(Path(folder) / "home", databases, servers.rabbit.url) as service,
    ):
        return _fuzz(options, service)


def _fuzz(options: argparse.Namespace, service: Service) -> int:
    campaign = Campaign(service, options.seed, lambda result: _say(str(result)))
    results = []
    for name, inputs in shares(options.inputs, options.names).items():
        target = TARGETS[name]
        result = campaign.repeat(target, options.example) if options.example else campaign.run(target, inputs)
        results.append(result)
        if result.failure:
            _say(f"\n{name} fails:\n{result.failure}\nrepeat it: {_command(options.seed, result)}\n")
    gauge, failed = service.gauge, [result for result in results if result.failure]
    _say("\n".join(["", *map(str, results)]))
    _say(f"{sum(result.inputs for result in results)} inputs, {len(failed)} failures, seed {options.seed}")
    _say(f"gateway: +{gauge.growth / 2**20:.0f} MiB, at most {gauge.longest * 1000:.0f} ms of its loop for one input")
    return 1 if failed else 0


def _command(seed: int, result: Result) -> str:
    how = f"--example {result.example}" if result.example else f"--seed {seed} --inputs {result.inputs}"
    return f'make fuzz ARGS="--only {result.target} {how}"'


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Odd inputs, and which of them do harm.")
    parser.add_argument("--inputs", type=int, default=50_000, help="how many in all")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**32))
    parser.add_argument("--only", default=",".join(TARGETS), help=f"targets by comma, of {', '.join(TARGETS)}")
    parser.add_argument("--example", default="", help="one input of one target, as a failure prints it")
    options = parser.parse_args()
    options.names = options.only.split(",")
    unknown = set(options.names) - TARGETS.keys()
    if unknown:
        parser.error(f"unknown targets: {', '.join(sorted(unknown))}")
    if options.example and len(options.names) > 1:
        parser.error("--example needs --only with one target")
    return options


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
