"""Measure exemplar on this machine, against a peer and a floor: `make bench`, or `make bench ONLY=submit`.

Everything shares one machine, so only ratios within one run mean something. Rounds of the compared systems
alternate; a row shows the median, the spread of the repeats and the ratio. Differences under 20 % are noise.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.measurements.latency import added_latency
from bench.measurements.pipeline import pipeline
from bench.measurements.status import status
from bench.measurements.submit import submit
from bench.options import Options
from bench.report import Row
from bench.servers import Servers, open_servers

MEASUREMENTS: Mapping[str, Callable[[Servers, Options], list[Row]]] = {
    "submit": submit,
    "status": status,
    "pipeline": pipeline,
    "added_latency": added_latency,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", default="", help="names of measurements, separated by commas")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a round")
    parser.add_argument("--count", type=int, default=200, help="generations of a round of the pipeline")
    parser.add_argument("--json", type=Path, help="append JSON lines to this file")
    given = parser.parse_args()
    options = Options(repeats=given.repeats, seconds=given.seconds, count=given.count)
    chosen = given.only.split(",") if given.only else list(MEASUREMENTS)
    with tempfile.TemporaryDirectory(prefix="exemplar-bench-") as home, open_servers(Path(home)) as servers:
        for name in chosen:
            for row in MEASUREMENTS[name](servers, options):
                sys.stdout.write(row.text() + "\n")
                sys.stdout.flush()
                if given.json:
                    with given.json.open("a", encoding="utf-8") as lines:
                        lines.write(row.json() + "\n")


if __name__ == "__main__":
    main()
