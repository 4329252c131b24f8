"""The view of a status report on a terminal."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from exemplar.diagnosis.status_report import StatusReport


def render(report: StatusReport) -> RenderableType:
    """Write a report as tables, what needs attention last."""
    return Group(*_parts(report))


def _parts(report: StatusReport) -> Iterator[RenderableType]:
    yield Text(f"{report.system}  {report.at:%Y-%m-%d %H:%M:%S} UTC", style="bold")
    yield _service(report)
    yield _generations(report)
    if report.queues:
        yield _queues(report)
    yield _subscribers(report)
    if report.controls:
        yield Text(f"in force: {', '.join(report.controls)} (exemplar control show)", style="yellow")
    yield Text("\n".join(report.attention) or "nothing needs attention", style="red" if report.attention else "green")


def _service(report: StatusReport) -> Text:
    health = report.health
    if health is None:
        return Text("gateway: not running")
    told = [f"gateway: {health.status}"]
    told += [f"version {health.body['version']}"] if "version" in health.body else []
    for part in ("database", "broker"):
        if part in health.body:
            told.append(f"{part} {health.body[part].get('status')}")
    return Text(", ".join(told))


def _generations(report: StatusReport) -> Table:
    table = Table("unfinished generations", "", title_justify="left")
    for state, count in report.generations.items():
        table.add_row(state, str(count))
    return table


def _queues(report: StatusReport) -> Table:
    table = Table("queue", "messages", "consumers", "dead letters")
    for name, depth in report.queues.items():
        table.add_row(name, str(depth.messages), str(depth.consumers), str(depth.dead))
    return table


def _subscribers(report: StatusReport) -> Table:
    head = report.subscribers.head
    table = Table("subscriber", "position", "behind")
    for name, position in report.subscribers.positions.items():
        table.add_row(name, f"{position} of {head}", str(max(head - position, 0)))
    return table
