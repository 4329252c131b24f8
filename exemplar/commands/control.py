"""`exemplar control`: maintenance, a stopped provider, pauses and the longest queue."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from actors.providers.registry import PROVIDERS
from domain.controls.controls import Control, Controls, Target
from domain.errors import ExemplarError
from domain.moments import EXPECTED, parse_moment
from events.control import ControlKind, ControlReason, Submissions
from events.envelope import Cause
from exemplar.clock import now
from exemplar.commands.options import AsJson, Case, Home, require_case
from exemplar.commands.output import print_json, print_table
from exemplar.commands.store_access import run_on_store
from exemplar.environment import ConfigurationError
from gateway.controls.bodies import controls_body
from store.controls.changes import ControlChanges
from store.controls.current import CurrentControls

_CAUSE: Final = Cause(actor="operator")
_HEAD: Final = ("kind", "subject", "submissions", "holds", "limit", "reason", "case", "since", "expected_end")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Hold back, refuse or limit generations, and let them go on. What runs already goes on to its end.",
)

Kind = Annotated[ControlKind, typer.Argument(help="What is controlled.")]
Subject = Annotated[str | None, typer.Argument(metavar="[SUBJECT]", help="Id, or the provider's name.")]


@app.command("show")
def show_controls(home: Home = None, as_json: AsJson = False) -> None:
    """Show the controls in force."""

    async def command(current_controls: CurrentControls) -> Controls:
        return await current_controls.fresh()

    _print(run_on_store(command, home=home, holder="control"), as_json=as_json)


@app.command("apply")
def apply_control(
    kind: Kind,
    subject: Subject = None,
    *,
    reason: Annotated[ControlReason, typer.Option(help="Why; the log keeps it.")],
    case: Case = None,
    submissions: Annotated[
        Submissions | None, typer.Option(help="New submissions wait, or are refused; maintenance refuses by default.")
    ] = None,
    expected_end: Annotated[
        str | None, typer.Option(help="When it is expected to end; it does not end by itself.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=0, max=1_000_000, help="For queue_cap: how many may wait.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Put a control in force, or change it; every process follows within a second."""
    require_case(case)
    target = _target(kind, subject)
    if (kind == "queue_cap") != (limit is not None):
        raise ConfigurationError("--limit belongs to queue_cap, which needs it")
    if kind == "queue_cap" and (submissions or expected_end):
        raise ConfigurationError("queue_cap has neither --submissions nor --expected-end")
    chosen: Submissions = submissions or ("refuse" if kind in ("maintenance", "queue_cap") else "queue")
    end = _moment(expected_end)

    async def command(control_changes: ControlChanges) -> Controls:
        developer = await control_changes.developer_of(target)
        wanted = Control(target, chosen, reason, now(), developer, case, end, limit)
        return await control_changes.apply(wanted, cause=_CAUSE)

    _change(command, home, as_json=as_json)


@app.command("lift")
def lift_control(kind: Kind, subject: Subject = None, home: Home = None, as_json: AsJson = False) -> None:
    """End a control; what waited goes on within seconds."""
    target = _target(kind, subject)

    async def command(control_changes: ControlChanges) -> Controls:
        return await control_changes.lift(target, cause=_CAUSE)

    _change(command, home, as_json=as_json)


def _target(kind: ControlKind, subject: str | None) -> Target:
    if (kind in ("maintenance", "queue_cap")) == (subject is not None):
        raise ConfigurationError(f"{kind}: {'it has no subject' if subject else 'name its subject'}")
    if kind == "provider" and subject not in PROVIDERS:
        raise ConfigurationError(f"{subject} is no provider: there are {', '.join(PROVIDERS)}")
    return Target(kind, None if subject is None else subject.lower())


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    if (moment := parse_moment(text)) is None:
        raise ConfigurationError(f"--expected-end {EXPECTED}")
    return moment


def _change(command: Callable[..., Awaitable[Controls]], home: Path | None, *, as_json: bool) -> None:
    try:
        # Nobody waits for these events; subscribers find what is not announced.
        controls = run_on_store(command, home=home, holder="control", announce=lambda _: None)
    except ExemplarError as error:
        raise ConfigurationError(str(error)) from error
    _print(controls, as_json=as_json)


def _print(controls: Controls, *, as_json: bool) -> None:
    body = controls_body(controls.by_name.values())
    if as_json:
        print_json(body)
        return
    print_table(_HEAD, _rows(body["controls"]))


def _rows(controls: Iterable[Mapping[str, Any]]) -> list[list[object]]:
    return [[one[name] for name in _HEAD] for one in controls]
