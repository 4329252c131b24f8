"""What a million generations cost, and what limits at a rate: `python -m bench.cost_model FILE`.

FILE: JSON lines of `python -m bench --only pipeline --save FILE`, of which the row `pipeline_one` is used. Prices and
sizes are options: the defaults are examples of one large cloud, for you to replace.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from bench.report import read_rows

MILLION = 1_000_000
GB = 10**9
OURS = ("gateway", "worker", "scheduler", "mongod", "rabbitmq")  # the sandbox stands in for the provider
PICTURES = ("blobs",)
COMMITS_SEALED_PER_S = 10_000.0
"""What one scheduler gives positions to: 0.07 ms of processor time each, and four round trips for each 500."""


@dataclass(frozen=True)
class Measured:
    """The row `pipeline_one`: milliseconds of CPU by process, counts and stored bytes of one generation."""

    cpu_ms: Mapping[str, float]
    mongodb_requests: float
    commits: float
    deliveries: float
    stored_bytes: Mapping[str, int]


@dataclass(frozen=True)
class Assumptions:
    """What the benchmark does not know; prices are US dollars."""

    core_hour: float = 0.04  # a core of a machine with 4 GB for each
    used_share: float = 0.5  # of the cores that are paid for
    disk_gb_month: float = 0.10  # network disk
    bucket_gb_month: float = 0.023
    bucket_write: float = 0.000005
    bucket_read: float = 0.0000004
    egress_gb: float = 0.09
    provider_second: float = 0.000975  # EXEMPLAR_USD_PER_SECOND
    predict_seconds: float = 6.0
    members: int = 3  # of the replica set
    log_months: float = 12.0
    example_bytes: int = 500_000
    example_months: float = 1.0
    result_bytes: int = 1_500_000
    result_months: float = 3.0
    views: float = 3.0  # downloads of each result by clients
    compressed: float = 0.5  # of documents on disk, not of pictures


@dataclass(frozen=True)
class Line:
    """A cost of a million generations: `amount` of `unit`."""

    what: str
    amount: float
    unit: str
    usd: float


def read_measured(text: str) -> Measured:
    """Read the row of JSON lines; raises ValueError without it."""
    row = next((row.more for row in read_rows(text) if row.name == "pipeline_one" and "error" not in row.more), None)
    if row is None or "cpu_ms_by_process" not in row:
        raise ValueError("there is no result of pipeline_one: make bench ONLY=pipeline ARGS='--save FILE'")
    numbers: dict[str, Any] = {name: row[name] for name in ("mongodb_requests", "commits", "deliveries")}
    return Measured(row["cpu_ms_by_process"], **numbers, stored_bytes=row.get("stored_bytes", {}))


def cost_lines(measured: Measured, given: Assumptions, *, bucket: bool = False) -> list[Line]:
    """List the costs of a million generations with one example and one result; pictures in MongoDB or in a bucket."""
    core_hours = sum(measured.cpu_ms.get(name, 0.0) for name in OURS) * MILLION / 3_600_000
    records = sum(size for name, size in measured.stored_bytes.items() if name not in PICTURES)
    months = given.log_months
    on_disk = records * given.compressed * given.members * MILLION / GB
    pictures = (given.example_bytes * given.example_months + given.result_bytes * given.result_months) * MILLION / GB
    sent = given.views * given.result_bytes * MILLION / GB
    to_provider = given.example_bytes * 4 / 3 * MILLION / GB  # as a data URI
    seconds = given.predict_seconds * MILLION
    return [
        Line(
            "processors", core_hours / given.used_share, "core hours", core_hours / given.used_share * given.core_hour
        ),
        Line(f"log and records, {months:g} months", on_disk, "GB", on_disk * months * given.disk_gb_month),
        _pictures(pictures, given, bucket=bucket),
        Line("results to clients", sent, "GB", sent * given.egress_gb),
        Line("inputs to the provider", to_provider, "GB", to_provider * given.egress_gb),
        Line("provider", seconds, "seconds", seconds * given.provider_second),
    ]


def _pictures(gb_months: float, given: Assumptions, *, bucket: bool) -> Line:
    if not bucket:
        held = gb_months * given.members
        return Line("pictures in MongoDB", held, "GB months", held * given.disk_gb_month)
    # An example and a result are written; both are read by a worker or a client, the result once for each view.
    requests = MILLION * (2 * given.bucket_write + (1 + given.views) * given.bucket_read)
    return Line("pictures in a bucket", gb_months, "GB months", gb_months * given.bucket_gb_month + requests)


@dataclass(frozen=True)
class Need:
    """What a part needs at a rate; `most` is what one instance of it can give, None without a limit."""

    part: str
    amount: float
    unit: str
    most: float | None = None

    @property
    def instances(self) -> float | None:
        return None if self.most is None else self.amount / self.most


def needs(measured: Measured, given: Assumptions, rate: float) -> list[Need]:
    """List what `rate` generations a second need; the cores of one primary, queue leader or process are the limit."""
    cores = {name: measured.cpu_ms.get(name, 0.0) * rate / 1000 / given.used_share for name in OURS}
    return [
        Need("gateway", cores["gateway"], "cores", 1),
        Need("worker", cores["worker"], "cores", 1),
        Need("scheduler", cores["scheduler"], "cores", None),
        Need("primary of MongoDB", cores["mongod"], "cores", 32),
        Need("RabbitMQ", cores["rabbitmq"], "cores", 8),
        Need("sealing", measured.commits * rate, "commits/s", COMMITS_SEALED_PER_S),
        Need("provider", given.predict_seconds * rate, "predictions at once", None),
        Need("uploads", given.example_bytes * rate * 8 / GB, "Gbit/s", None),
    ]


def tables(measured: Measured, given: Assumptions, rates: Sequence[float] = (1, 10, 100, 1_000, 10_000)) -> str:
    """Write both tables as Markdown."""
    lines = ["| a million generations | amount | | USD |", "|---|---:|---|---:|"]
    costs = cost_lines(measured, given)
    lines += [_row(line) for line in [*costs, _alternative(measured, given)]]
    lines.append(f"| **all, pictures in MongoDB** | | | {sum(line.usd for line in costs):,.0f} |")
    lines += ["", f"| generations a second | {' | '.join(f'{rate:,.0f}' for rate in rates)} |"]
    lines.append("|---|" + "---:|" * len(rates))
    columns = [needs(measured, given, rate) for rate in rates]
    for row in zip(*columns, strict=True):
        lines.append(f"| {row[0].part}, {row[0].unit} | {' | '.join(_cell(need) for need in row)} |")
    return "\n".join(lines) + "\n"


def _alternative(measured: Measured, given: Assumptions) -> Line:
    return next(line for line in cost_lines(measured, given, bucket=True) if line.what == "pictures in a bucket")


def _row(line: Line) -> str:
    return f"| {line.what} | {line.amount:,.0f} | {line.unit} | {line.usd:,.0f} |"


def _cell(need: Need) -> str:
    amount = f"{need.amount:,.0f}" if need.amount >= 10 else f"{need.amount:.2g}"
    beyond = need.instances is not None and need.instances > 1 and need.most not in (None, 1)
    return f"**{amount}**" if beyond else amount


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.cost_model", description="The cost of a million generations."
    )
    parser.add_argument("file", type=Path, help="JSON lines of `python -m bench --save`")
    parser.add_argument("--json", dest="as_json", action="store_true", help="print JSON lines")
    for field in fields(Assumptions):
        kind = type(field.default)
        parser.add_argument(
            f"--{field.name.replace('_', '-')}", type=kind, default=field.default, help=f"{field.default}"
        )
    given = vars(parser.parse_args())
    measured = read_measured(given.pop("file").read_text(encoding="utf-8"))
    as_json = given.pop("as_json")
    assumptions = replace(Assumptions(), **given)
    if as_json:
        lines = [*cost_lines(measured, assumptions), _alternative(measured, assumptions)]
        print("\n".join(json.dumps({"what": one.what, "usd": round(one.usd, 2)}) for one in lines))
    else:
        print(tables(measured, assumptions), end="")


if __name__ == "__main__":
    main()
