"""`exemplar status`: queues, subscribers and generations, live on a terminal."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from exemplar.client_commands.exit_code import ExitCode
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.store_access import open_store
from exemplar.diagnosis.deployment import Deployment, find_deployment
from exemplar.diagnosis.status_report import StatusReport, collect_of
from exemplar.diagnosis.status_view import render
from exemplar.injection import Dependencies

_HOLDER = "status"


def show_status(
    once: Annotated[bool, typer.Option("--once", help="Print once, as it is done without a terminal.")] = False,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two looks.")] = 2.0,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show what runs, waits and failed; exit code 1 while something needs attention."""
    deployment, console = find_deployment(home), Console()
    live = console.is_terminal and not once and not as_json
    try:
        report = asyncio.run(_run(deployment, home, console if live else None, every))
    except KeyboardInterrupt:
        raise typer.Exit from None
    if as_json:
        print_json(report.body())
    elif not live:
        console.print(render(report))
    raise typer.Exit(ExitCode.FOUND if report.attention else ExitCode.DONE)


async def _run(deployment: Deployment, home: Path | None, console: Console | None, every: float) -> StatusReport:
    """Collect a report; with a console show one after the other until Ctrl-C."""
    async with open_store(home, holder=_HOLDER) as store:
        report = await collect_of(store, deployment)
        if console is not None:
            await _show(store, deployment, report, console, every)
        return report


async def _show(
    store: Dependencies, deployment: Deployment, report: StatusReport, console: Console, every: float
) -> None:
    with Live(render(report), console=console, auto_refresh=False) as view:
        while True:
            await asyncio.sleep(every)
            view.update(render(await collect_of(store, deployment)), refresh=True)
