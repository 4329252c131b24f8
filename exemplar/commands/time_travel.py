"""What `exemplar audit at` and `diff` read and print."""

import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from domain.audit.as_of import as_of_body, difference_body
from domain.audit.points import EXPECTED, Point, parse_point
from domain.audit.subjects import KINDS
from exemplar.commands.output import print_fields, print_json, print_table
from exemplar.environment import ConfigurationError
from store.audit.quota_travel import QuotaTravel
from store.audit.stream_travel import StreamTravel

KindChoice = Literal["generation", "endpoint", "developer", "quota"]
Body = dict[str, Any]
Query = Callable[..., Awaitable[Body]]


def point_of(text: str | None) -> Point | None:
    """Read a point of the command line; None for none."""
    return None if text is None else required_point(text)


def required_point(text: str) -> Point:
    """Read a point of the command line; ConfigurationError when it is malformed."""
    if (found := parse_point(text)) is None:
        raise ConfigurationError(f"{text}: {EXPECTED}")
    return found


def state_at(kind: KindChoice, name: str, point: Point | None) -> Query:
    """Return the query for a state as of a point."""

    async def query(stream_travel: StreamTravel, quota_travel: QuotaTravel) -> Body:
        if kind == "quota":
            await quota_travel.require(name)
            return as_of_body(kind, name, *await quota_travel.at(name, point))
        past = await stream_travel.load(KINDS[kind], name)
        return as_of_body(kind, name, *await stream_travel.at(past, point))

    return query


def difference_between(kind: KindChoice, name: str, since: Point, until: Point | None) -> Query:
    """Return the query for the difference of two points."""

    async def query(stream_travel: StreamTravel, quota_travel: QuotaTravel) -> Body:
        if kind == "quota":
            await quota_travel.require(name)
            return difference_body(kind, name, *await quota_travel.difference(name, since, until))
        past = await stream_travel.load(KINDS[kind], name)
        return difference_body(kind, name, *await stream_travel.difference(past, since, until))

    return query


def print_state(body: Body, *, as_json: bool) -> None:
    """Print a state: one field a line, or JSON."""
    if as_json:
        print_json(body)
        return
    sys.stdout.write(f"{body['kind']} {body['id']} as of {_where(body['as_of'])}\n")
    if body["state"] is None:
        sys.stdout.write("did not exist\n")
    else:
        print_fields({name: _text(value) for name, value in body["state"].items()}, as_json=False)


def print_difference(body: Body, *, as_json: bool) -> None:
    """Print the changes and their causes as tables, or JSON."""
    if as_json:
        print_json(body)
        return
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
