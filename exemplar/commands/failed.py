"""`exemplar failed`: parked events and dead letters."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

import typer

from domain.operations import handlers_of
from events.envelope import Cause
from events.operation import DiscardReason, FailedSource
from exemplar.commands.options import AsJson, Case, Home, require_case
from exemplar.commands.output import print_fields, print_json, print_table
from exemplar.commands.store_access import run_on_store
from exemplar.environment import ConfigurationError
from gateway.operations.bodies import entry_body
from store.failed.actions import PAGE, Discarding, FailedWorkActions, Selection
from store.failed.failed_work import FailedWork

_CAUSE: Final = Cause(actor="operator")
_HEAD: Final = ("id", "error", "tries", "since", "next_try_at", "discarded")
_SOURCES: Final[dict[str, FailedSource]] = {"parked": "parked", "dead-letters": "dead_letter"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Parked events of subscribers, and dead letters: calls of actors that failed.",
)

Source = Annotated[Literal["parked", "dead-letters"], typer.Argument(help="Which of the two.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Entries, as `list` shows them.")]
First = Annotated[int | None, typer.Option(min=1, help="The first so many, by id.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]
Handler = Annotated[str | None, typer.Option(help="Of this subscriber or queue alone.")]


@app.command("list")
def list_failed(
    source: Source,
    *,
    handler: Handler = None,
    discarded: Annotated[bool, typer.Option("--discarded", help="Those that were discarded.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List entries by id, at most 1,000."""
    _require_handler(source, handler)

    async def command(failed_work_actions: FailedWorkActions) -> Sequence[FailedWork]:
        store = failed_work_actions.store(_SOURCES[source])
        return await store.page(limit=1000, handler=handler, discarded=discarded)

    found = [entry_body(one) for one in run_on_store(command, home=home, holder="failed")]
    if as_json:
        print_json(found)
        return
    print_table(_HEAD, [[one[name] for name in _HEAD] for one in found])


@app.command("show")
def show_failed(source: Source, entry: str, home: Home = None, as_json: AsJson = False) -> None:
    """Show one entry."""

    async def command(failed_work_actions: FailedWorkActions) -> FailedWork | None:
        return await failed_work_actions.store(_SOURCES[source]).get(entry)

    found = run_on_store(command, home=home, holder="failed")
    if found is None:
        raise ConfigurationError(f"{entry}: there is no such entry: `exemplar failed list {source}` lists them")
    print_fields(entry_body(found), as_json=as_json)


@app.command("replay")
def replay_failed(
    source: Source,
    ids: Ids = None,
    *,
    first: First = None,
    every: All = False,
    handler: Handler = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Have entries tried again by the scheduler, within seconds."""
    _require_handler(source, handler)
    selection = _selection(ids, first, handler, every=every)

    async def command(failed_work_actions: FailedWorkActions) -> Sequence[str]:
        return await failed_work_actions.replay(_SOURCES[source], selection, cause=_CAUSE)

    _change(command, home, as_json=as_json)


@app.command("discard")
def discard_failed(
    source: Source,
    ids: Ids = None,
    *,
    reason: Annotated[DiscardReason, typer.Option(help="Why; the log keeps it.")],
    case: Case = None,
    first: First = None,
    every: All = False,
    handler: Handler = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give entries up: nothing tries them again by itself."""
    require_case(case)
    _require_handler(source, handler)
    selection = _selection(ids, first, handler, every=every)

    async def command(failed_work_actions: FailedWorkActions) -> Sequence[str]:
        discarding = Discarding(reason, case)
        return await failed_work_actions.discard(_SOURCES[source], selection, discarding, cause=_CAUSE)

    _change(command, home, as_json=as_json)


def _require_handler(source: str, handler: str | None) -> None:
    known = handlers_of(_SOURCES[source])
    if handler is not None and handler not in known:
        raise ConfigurationError(f"--handler {handler}: there are {', '.join(known)}")


def _selection(ids: list[str] | None, first: int | None, handler: str | None, *, every: bool) -> Selection:
    if bool(ids) + (first is not None) + every != 1:
        raise ConfigurationError("name entries, or --first N, or --all")
    if ids and len(ids) > PAGE:
        raise ConfigurationError(f"at most {PAGE} ids at once")
    return Selection(ids or None, handler, first)


def _change(command: Callable[..., Awaitable[Sequence[str]]], home: Path | None, *, as_json: bool) -> None:
    # Nobody waits for these events; subscribers find what is not announced.
    chosen = run_on_store(command, home=home, holder="failed", announce=lambda _: None)
    if as_json:
        print_json({"count": len(chosen), "ids": [*chosen]})
        return
    sys.stdout.write("".join(f"{one}\n" for one in chosen))
