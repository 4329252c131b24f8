"""The goals: what each row is compared with, and what was measured before the work on speed began."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Goal:
    """A limit of a row's ratio or value."""

    work: str
    before: str
    of: Literal["ratio", "value"]
    sign: Literal[">=", "<="]
    limit: float
    unit: str = ""

    @property
    def text(self) -> str:
        limit = f"{self.limit:g}{'x' if self.of == 'ratio' else ''} {self.unit}".strip()
        return f"{self.sign} {limit}"

    def met(self, value: float, ratio: float | None) -> bool:
        """Compare a result with the limit; no ratio is no result."""
        number = value if self.of == "value" else ratio
        if number is None:
            return False
        return number >= self.limit if self.sign == ">=" else number <= self.limit


GOALS: Final[Mapping[str, Goal]] = {
    "submit_peer": Goal("POST, a photograph of 200 kB, 16 clients and accounts", "0.58x", "ratio", ">=", 1.2, "peer"),
    "submit_one_account": Goal("POST, one photograph, 16 clients on one account", "0.34x", "ratio", ">=", 1.1, "peer"),
    "submit_open": Goal(
        "POST, one photograph, an account with thousands open",
        "falling",
        "ratio",
        ">=",
        0.9,
        "none open",
    ),
    "submit_floor": Goal("POST, one photograph, against the floor", "0.33x", "ratio", ">=", 0.7, "floor"),
    "status_16": Goal("status of 16 generations, 16 clients", "0.63x", "ratio", ">=", 2.0, "peer"),
    "status_64": Goal("status of 64 generations, 64 clients", "1.13x", "ratio", ">=", 2.5, "peer"),
    "list": Goal("a list of 20, 8 clients", "65/s", "value", ">=", 600, "1/s"),
    "pipeline_one": Goal("whole generations, one photograph", "0.31x", "ratio", ">=", 0.85, "peer"),
    "pipeline_one_cpu": Goal("CPU a generation, all processes", "3.4x", "ratio", "<=", 1.25, "peer"),
    "pipeline_one_requests": Goal("MongoDB requests a generation", "55", "value", "<=", 20),
    "pipeline_three": Goal("whole generations, three photographs", "0.36x", "ratio", ">=", 0.85, "peer"),
    "added_latency_2_p50": Goal("202 to completed at 2/s, median", "76 ms", "value", "<=", 38, "ms"),
    "added_latency_2_p99": Goal("202 to completed at 2/s, 99th percentile", "90-210 ms", "value", "<=", 80, "ms"),
    "added_latency_20_p50": Goal("202 to completed at 20/s, median", "-", "value", "<=", 38, "ms"),
    "added_latency_20_p99": Goal("202 to completed at 20/s, 99th percentile", "-", "value", "<=", 80, "ms"),
    "in_flight_memory": Goal("memory added by thousands that process at once", "-", "value", "<=", 10, "MB"),
    "in_flight_threads": Goal("threads added by thousands that process at once", "-", "value", "<=", 1),
    "in_flight_incomplete": Goal("of thousands at once, not completed", "-", "value", "<=", 0),
    "sse_memory": Goal("a reader's memory at 5,000 readers", "20 kB", "value", "<=", 15, "kB"),
    "sse_p99": Goal("append to reader at 100 events/s, 99th percentile", "6 ms", "value", "<=", 20, "ms"),
    "sse_to_all": Goal("one event to all readers, the last", "51 ms", "value", "<=", 80, "ms"),
    "replay": Goal(
        "folding and hashing every stream against a raw scan",
        "0.92x",
        "ratio",
        ">=",
        0.85,
        "scan",
    ),
    "verify": Goal("verifying every hash against a raw scan", "1.7x", "ratio", ">=", 1.2, "scan"),
    "growth_submit": Goal("a submission on a large log, to 1,000 events", "-", "ratio", "<=", 1.1, "small"),
    "growth_status": Goal("a status on a large log, to 1,000 events", "-", "ratio", "<=", 1.1, "small"),
    "growth_list": Goal("a list on a large log, to 1,000 events", "-", "ratio", "<=", 1.1, "small"),
    "growth_usage": Goal("a month's usage on a large log, to 1,000 events", "2.3x", "ratio", "<=", 1.1, "small"),
    "growth_pipeline": Goal("a whole generation on a large log, to 1,000 events", "-", "ratio", "<=", 1.1, "small"),
    "overload": Goal("completions under twice the load, against the peak", "-", "ratio", ">=", 0.9, "peak"),
    "overload_lost": Goal("accepted under twice the load, not completed", "-", "value", "<=", 0),
    "start": Goal("`exemplar up`, beyond the start of mongod", "1.2 s", "value", "<=", 1.5, "s"),
    "idle": Goal("CPU of an idle system and of its servers for it, of a core", "5 %", "value", "<=", 2, "%"),
}
