"""`exemplar audit at` and `exemplar audit diff`: what was at a point of the past, and what changed since."""

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import typer

from domain.audit.as_of import as_of_body, difference_body
from domain.audit.points import EXPECTED, Point, parse_point
from domain.audit.subjects import KINDS
from domain.errors import ExemplarError
from exemplar.commands.failures import fail
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_fields, print_json, print_table
from exemplar.commands.store_access import run_on_store
from exemplar.environment import ConfigurationError
from store.audit.quota_travel import QuotaTravel
from store.audit.stream_travel import StreamTravel

_POINT: Final = "A version, or a moment such as 2026-11-14T10:02:00Z; for the quota a position of the log, or a moment"

Kind = Annotated[Literal["generation", "endpoint", "developer", "quota"], typer.Argument(help="What is shown.")]
Name = Annotated[str, typer.Argument(metavar="ID", help="Its id; for the quota that of the developer.")]
LastPoint = Annotated[str | None, typer.Argument(help=f"{_POINT}; without one as it is now.")]
Body = dict[str, Any]


def show_at(kind: Kind, name: Name, point: LastPoint = None, *, home: Home = None, as_json: AsJson = False) -> None:
    """Show a generation, an endpoint, a developer or a developer's quota as of a point."""
    wanted = _point_of(point)

    async def query(stream_travel: StreamTravel, quota_travel: QuotaTravel) -> Body:
        if kind == "quota":
            await quota_travel.require(name)
            return as_of_body(kind, name, *await quota_travel.at(name, wanted))
        past = await stream_travel.load(KINDS[kind], name)
        return as_of_body(kind, name, *await stream_travel.at(past, wanted))

    body = _result(query, home, as_json=as_json)
    if as_json:
        print_json(body)
    else:
        _print_state(body)


def show_difference(
    kind: Kind,
    name: Name,
    since: Annotated[str, typer.Argument(help=f"{_POINT}.")],
    point: LastPoint = None,
    *,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two points, and the events that caused it."""
    first, last = _required_point(since), _point_of(point)

    async def query(stream_travel: StreamTravel, quota_travel: QuotaTravel) -> Body:
        if kind == "quota":
            await quota_travel.require(name)
            return difference_body(kind, name, *await quota_travel.difference(name, first, last))
        past = await stream_travel.load(KINDS[kind], name)
        return difference_body(kind, name, *await stream_travel.difference(past, first, last))

    body = _result(query, home, as_json=as_json)
    if as_json:
        print_json(body)
    else:
        _print_difference(body)


def _point_of(text: str | None) -> Point | None:
    return None if text is None else _required_point(text)


def _required_point(text: str) -> Point:
    if (found := parse_point(text)) is None:
        raise ConfigurationError(f"{text}: {EXPECTED}")
    return found


def _result(query: Callable[..., Awaitable[Body]], home: Path | None, *, as_json: bool) -> Body:
    """Run a query on the store; print an error and exit with 1 when there is nothing to show."""
    try:
        return run_on_store(query, home=home, holder="audit")
    except ExemplarError as error:
        fail(error, as_json=as_json)


def _print_state(body: Body) -> None:
    sys.stdout.write(f"{body['kind']} {body['id']} as of {_where(body['as_of'])}\n")
    if body["state"] is None:
        sys.stdout.write("did not exist\n")
    else:
        print_fields({name: _text(value) for name, value in body["state"].items()}, as_json=False)


def _print_difference(body: Body) -> None:
    sys.stdout.write(f"{body['kind']} {body['id']} from {_where(body['since'])} to {_where(body['as_of'])}\n")
    changes = [(name, _text(one["from"]), _text(one["to"])) for name, one in body["changes"].items()]
    print_table(("changed", "from", "to"), changes)
    causes = [(one["id"], one["type"], one["occurred_at"], ", ".join(one["changed"])) for one in body["events"]]
    print_table(("event", "type", "occurred", "changed"), causes)
    if body["more"]:
        sys.stdout.write("and more events\n")


def _where(point: Body) -> str:
    known = [f"{name} {value}" for name, value in point.items() if value is not None and name != "recorded_at"]
    return ", ".join([*known, f"recorded {point['recorded_at'] or 'not yet'}"])


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
