"""`exemplar quota`: compares the ledger of used units and slots with the log."""

import asyncio
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.store_access import open_store
from exemplar.commands.unreadable import Unreadable
from store.accounts.quota_record import QuotaRecord
from store.quota.recount import Recount, RecountReport

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The quota ledger.")


@app.callback()
def quota() -> None:
    """Compare the quota ledger with the log."""


@app.command()
def check(
    repair: Annotated[bool, typer.Option("--repair", help="Correct differences; each correction is recorded.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compare used units and slots with a recount of the log.

    A developer whose counters change during each of four comparisons is named, and left to the next check.
    Exit code 1: a difference remains; 3: a stream could not be read, and its developer was not compared.
    """
    unreadable = Unreadable()
    report = asyncio.run(_recount(home, unreadable, repair=repair))
    if as_json:
        print_json(asdict(report) | {"unreadable": unreadable.as_json()})
    else:
        sys.stdout.write("\n".join([*_lines(report), *unreadable.lines()]) + "\n")
    repaired = repair and all(report.corrections)
    raise typer.Exit(unreadable.exit_code(1 if report.differences and not repaired else 0))


async def _recount(home: Path | None, unreadable: Unreadable, *, repair: bool) -> RecountReport:
    async with open_store(home, holder="quota check") as store:
        store.set(record=store.call(QuotaRecord), admitted=store.get("usage").admitted, on_unreadable=unreadable.add)
        return await store.call(Recount).run(repair_as="operator:quota check" if repair else None)


def _lines(report: RecountReport) -> list[str]:
    counted = f"{report.developers} developers, {report.generations} generations"
    lines = [f"{counted}, {report.set_aside} skipped, {len(report.differences)} differences"]
    if report.differences:
        lines.append(f"{'developer':36}  {'what':21}  {'month or generation':36}  ledger  log")
    lines += [
        f"{found.developer:36}  {found.kind:21}  {found.subject:36}  {found.ledger:6}  {found.log:3}"
        for found in report.differences
    ]
    lines += [f"not compared, it changes all the time: {name}" for name in report.moving]
    lines += [f"corrected: {name}" if name else "not corrected: it changed meanwhile" for name in report.corrections]
    return lines
