"""The view of a status report on a terminal."""

from collections.abc import Iterator

from rich import box
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
    beside = Table.grid(padding=(0, 2))
    beside.add_row(Group(_generations(report), _subscribers(report)), _queues(report) if report.queues else "")
    yield beside
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
    told += [f"provider {health.provider}"] if health.provider else []
    return Text(", ".join(told))


def _generations(report: StatusReport) -> Table:
    table = _table("unfinished", "generations")
    for state, count in report.generations.items():
        table.add_row(state, str(count))
    return table


def _queues(report: StatusReport) -> Table:
    table = _table("queue", "messages", "consumers", "dead")
    for name, depth in report.queues.items():
        table.add_row(name, str(depth.messages), str(depth.consumers), str(depth.dead))
    return table


def _subscribers(report: StatusReport) -> Table:
    head = report.subscribers.head
    table = _table("subscriber", "position", "behind")
    for name, position in report.subscribers.positions.items():
        table.add_row(name, f"{position} of {head}", str(max(head - position, 0)))
    return table


def _table(name: str, *numbers: str) -> Table:
    """Start a table that is narrow enough: two fit beside each other on 80 columns, all on 24 lines."""
    table = Table(name, box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    for number in numbers:
        table.add_column(number, justify="right")
    return table
