"""Measure exemplar on this machine, against a peer and a floor: `make bench`, or `make bench ONLY=submit`.

Everything shares one machine, so only ratios within one run mean something. Rounds of the compared systems
alternate; a row shows the median, the spread of the repeats and the ratio. Differences under 20 % are noise.
"""

import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import FrameType

from bench.measurements.growth import growth
from bench.measurements.in_flight import in_flight
from bench.measurements.latency import added_latency
from bench.measurements.listing import listing
from bench.measurements.overload import overload
from bench.measurements.pipeline import pipeline
from bench.measurements.sse import sse
from bench.measurements.start import idle, start
from bench.measurements.status import status
from bench.measurements.submit import submit
from bench.options import Options, parse_options
from bench.progress import say
from bench.report import HEADING, Row, failed
from bench.servers import Servers, open_servers

MEASUREMENTS: Mapping[str, Callable[[Servers, Options], Iterator[Row]]] = {
    "submit": submit,
    "status": status,
    "list": listing,
    "pipeline": pipeline,
    "added_latency": added_latency,
    "in_flight": in_flight,
    "sse": sse,
    "overload": overload,
    "growth": growth,
    "start": start,
    "idle": idle,
}
LIMIT_SECONDS = 900


def main() -> None:
    options = parse_options(sys.argv[1:], list(MEASUREMENTS), __doc__ or "")
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGTERM, _stop)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not options.as_json:
        print(HEADING, flush=True)
    failures = 0
    for name in options.only or MEASUREMENTS:
        for row in run(name, options):
            failures += "error" in row.more
            _show(row, options)
    say("done" if not failures else f"{failures} failed")
    sys.exit(failures > 0)


def run(name: str, options: Options) -> Iterator[Row]:
    """Run one measurement on servers of its own; an error becomes a row, so that the others run."""
    say(f"{name}: starting mongod, RabbitMQ and the sandbox")
    signal.alarm(LIMIT_SECONDS)
    try:
        with tempfile.TemporaryDirectory(prefix="exemplar-bench-") as home, open_servers(Path(home)) as servers:
            yield from MEASUREMENTS[name](servers, options)
    except Exception as error:  # noqa: BLE001 - reported as the row of this measurement
        say(f"{name} failed: {error}")
        yield failed(name, error)
    finally:
        signal.alarm(0)


def _show(row: Row, options: Options) -> None:
    print(row.json() if options.as_json else row.text(), flush=True)
    if options.save:
        with options.save.open("a", encoding="utf-8") as lines:
            lines.write(row.json() + "\n")


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"a measurement took longer than {LIMIT_SECONDS} s")


def _stop(number: int, frame: FrameType | None) -> None:
    """End as at an error, so that all servers are stopped."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
