"""`exemplar audit replay`: folds the log and compares it with every document that is derived from it."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from actors.settings import TimeoutSettings
from domain.errors import ExemplarError
from exemplar.commands.failures import fail
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.progress import progress_shown
from exemplar.commands.replay_decisions import replay_decisions
from exemplar.commands.replay_processes import ReplayProcesses, processes_for
from exemplar.commands.store_access import open_store, stream_named
from exemplar.commands.unreadable import Unreadable
from exemplar.commands.verification_output import counted
from exemplar.environment import ConfigurationError, read
from store.replay.fold_comparison import FoldComparison, ReplayReport
from store.replay.read_model import INCOMPARABLE, Difference
from store.replay.stream_ranges import StreamRanges
from store.webhooks.settings import WebhookSettings

_SHOWN: Final = 50


def replay_log(
    stream: Annotated[
        str | None, typer.Option(help="Fold this stream alone, or the generation with this id.", metavar="ID")
    ] = None,
    until: Annotated[
        int | None, typer.Option(min=0, help="Hash the state as of this position of the log.", metavar="POSITION")
    ] = None,
    against: Annotated[
        bool,
        typer.Option("--against", help="Make every recorded decision again by today's rules and settings instead."),
    ] = False,
    *,
    hash_only: Annotated[
        bool, typer.Option("--hash-only", help="Print the hash of the folded state, and compare nothing.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Fold in so many processes; without it one a core, for a short log one.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Fold the log and compare it with all that is stored of it; print the hash of the folded state.

    Exit code 1: something differs; 3: a stream could not be read, and was neither compared nor hashed.
    """
    if (until is not None or hash_only) and (stream is not None or against):
        option = "--hash-only" if hash_only else "--until"
        raise ConfigurationError(f"{option} hashes the whole log: leave out --stream and --against")
    unreadable = Unreadable()
    try:
        if against:
            raise typer.Exit(replay_decisions(stream, home, as_json=as_json))
        report = asyncio.run(_replay(stream, home, unreadable, until=until, processes=processes, hash_only=hash_only))
    except ExemplarError as error:
        fail(error, as_json=as_json)
    if as_json:
        print_json(_fields(report, unreadable))
    else:
        sys.stdout.write("\n".join([*_lines(report), *unreadable.lines()]) + "\n")
    raise typer.Exit(unreadable.exit_code(1 if report.different else 0))


async def _replay(
    stream: str | None,
    home: Path | None,
    unreadable: Unreadable,
    *,
    until: int | None,
    processes: int | None,
    hash_only: bool,
) -> ReplayReport:
    async with open_store(home, holder="replay") as store:
        store.set(timeouts=read(TimeoutSettings).timeouts, webhook_retention=read(WebhookSettings).keep)
        if stream is not None:
            return await store.call(FoldComparison).of_stream(
                await stream_named(stream, store), on_unreadable=unreadable.add
            )
        if (count := processes or await processes_for(store.call(StreamRanges))) > 1:
            store.set(range_reports=store.call(partial(ReplayProcesses, count=count)).reports)
        comparison = store.call(FoldComparison)
        fold = comparison.hash if hash_only else comparison.run
        with progress_shown("commits", "read") as progress:
            return await fold(last=until, on_unreadable=unreadable.add, progress=progress)


def _fields(report: ReplayReport, unreadable: Unreadable) -> dict[str, Any]:
    found = unreadable.as_json()
    kept = {one.name: getattr(report, one.name) for one in fields(report)}
    differences = [asdict(one) for one in report.differences]
    return {"ok": not report.different and not found, **kept, "differences": differences, "unreadable": found}


def _lines(report: ReplayReport) -> Sequence[str]:
    compared = ", ".join(f"{count} {name}" for name, count in sorted(report.compared.items()))
    folded = f"{counted(report.events, 'event')} of {counted(report.streams, 'stream')}"
    return [
        f"{folded} folded as they are now; the hash is of the state up to position {report.position}",
        f"compared: {compared or 'nothing is derived from it'}",
        counted(report.different, "difference"),
        *map(_line, report.differences[:_SHOWN]),
        *([f"  and {report.different - _SHOWN} more"] if report.different > _SHOWN else []),
        *(f"  {name} changed during each comparison, and was not compared" for name in report.moving[:_SHOWN]),
        f"state {report.state_hash or 'unknown'}",
    ]


def _line(one: Difference) -> str:
    if one.field == INCOMPARABLE:
        return f"  {one.model} {one.key}: {one.fault}"
    return f"  {one.model} {one.key}: {one.field}: the log says {_text(one.log)}, stored is {_text(one.stored)}"


def _text(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, default=str, sort_keys=True)
