"""`exemplar erase`: erase a generation, a user or a project with a reason, and what MongoDB keeps of them."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from actors.settings import TimeoutSettings
from domain.errors import ExemplarError
from events.envelope import Cause
from events.erasure import Grounds, StatedReason
from exemplar.commands.erasing import Erasing
from exemplar.commands.options import AsJson, Case, Home, require_case
from exemplar.commands.output import print_fields
from exemplar.commands.progress import progress_shown
from exemplar.commands.store_access import run_on_store
from exemplar.commands.unreadable import EXIT_CODE
from exemplar.environment import ConfigurationError, read
from store.erasures.erasures import Erasure, ErasureKind
from store.mongo.oplog import Oplog, OplogError, OplogSpan

_CAUSE: Final = Cause(actor="operator")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Erase generations, users and projects, with a reason that the log keeps.",
)

Name = Annotated[str, typer.Argument(metavar="ID", help="Its id: `exemplar accounts show` lists ids.")]
Reason = Annotated[StatedReason | None, typer.Option(help="Why; the log keeps it. Not for --dry-run.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count what would be erased.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("generation")
def erase_generation(
    name: Name,
    *,
    reason: Reason = None,
    case: Case = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Erase personal data and pictures of a generation; one that runs is cancelled first."""
    _run("generation", name, reason, case, dry_run=dry_run, yes=yes, home=home, as_json=as_json)


@app.command("user")
def erase_user(
    name: Name,
    *,
    reason: Reason = None,
    case: Case = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Close the account of an end user and erase all their generations."""
    _run("user", name, reason, case, dry_run=dry_run, yes=yes, home=home, as_json=as_json)


@app.command("project")
def erase_project(
    name: Name,
    *,
    reason: Reason = None,
    case: Case = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Delete a project and erase its users, generations and webhook endpoints."""
    _run("project", name, reason, case, dry_run=dry_run, yes=yes, home=home, as_json=as_json)


@app.command("oplog")
def overwrite_oplog(
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Overwrite what it holds now.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show since when MongoDB's oplog holds writes, also of what was erased since then; overwrite it on request."""

    async def command(oplog: Oplog) -> OplogSpan:
        try:
            if not overwrite:
                return await oplog.span()
            with progress_shown("bytes", "written") as progress:
                return await oplog.overwrite(progress)
        except OplogError as error:
            raise ConfigurationError(f"the oplog: {error}") from error

    print_fields(asdict(run_on_store(command, home=home, holder="erase")), as_json=as_json)


def _run(
    kind: ErasureKind,
    name: str,
    reason: StatedReason | None,
    case: str | None,
    *,
    dry_run: bool,
    yes: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Count, ask, erase and show what is left; exit code 3 if a stream could not be read."""
    require_case(case)
    if not dry_run and reason is None:
        raise ConfigurationError("--reason says why it is erased; --dry-run only counts")
    if as_json and not (yes or dry_run):
        raise ConfigurationError("--json does not ask: add --yes, or --dry-run")
    grounds = None if reason is None or dry_run else Grounds(reason=reason, case=case)

    async def command(erasing: Erasing) -> tuple[Erasure, int]:
        found = await erasing.find(kind, name.lower())
        if grounds is None:
            return found, 0
        if found.state == "kept" and not yes:
            _ask(found)
        with progress_shown("generations", "erased") as progress:
            return await erasing.erase(found, grounds, _CAUSE, progress)

    erasure, damaged = _result(command, home)
    print_fields(asdict(erasure), as_json=as_json)
    if not as_json and erasure.state == "erasing":
        sys.stdout.write(f"\nThe scheduler erases the rest: {_REST[kind]}\n")
    if damaged:
        sys.stderr.write(f"exemplar: {damaged} generations cannot be read and were not erased\n")
        raise typer.Exit(EXIT_CODE)


_REST: Final = {
    "generation": "it is cancelled, and erased as soon as it has ended.",
    "user": "what still ran, and the account ten minutes after the last of it.",
    "project": "what still ran, the users ten minutes after that, then the endpoints and names of the project.",
}


def _result(command: Callable[..., Awaitable[tuple[Erasure, int]]], home: Path | None) -> tuple[Erasure, int]:
    try:
        return run_on_store(
            command,
            home=home,
            holder="erase",
            announce=lambda _: None,  # subscribers find what is not announced
            timeouts=read(TimeoutSettings).timeouts,
        )
    except ExemplarError as error:
        raise ConfigurationError(str(error)) from error


def _ask(found: Erasure) -> None:
    sys.stdout.write(f"{found.kind} {found.id}\n")
    print_fields(asdict(found), as_json=False)
    typer.confirm("Erase this? It cannot be undone", abort=True)
