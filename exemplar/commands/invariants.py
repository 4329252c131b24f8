"""`exemplar audit invariants`: what must always be true of the log and of everything that is derived from it."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import typer

from actors.settings import TimeoutSettings
from domain.audit.invariants import STATEMENTS, Finding, Invariant, InvariantReport
from domain.generation.timings import Price
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.commands.progress import progress_shown
from exemplar.commands.store_access import open_store, settings_of
from store.audit.invariant_check import InvariantCheck
from store.audit.settings import CheckpointSettings
from store.settings import PriceSettings
from store.webhooks.settings import WebhookSettings


def check_invariants(home: Home = None, as_json: AsJson = False) -> None:
    """Check what must always be true of the log; exit code 1 when something is not."""
    report = asyncio.run(_run(home))
    if as_json:
        print_json(report.body())
    else:
        sys.stdout.write("\n".join(_lines(report)) + "\n")
    raise typer.Exit(0 if report.ok else 1)


async def _run(home: Path | None) -> InvariantReport:
    price = Price(settings_of(home, PriceSettings).usd_per_second)
    async with open_store(home, holder="audit") as store:
        signing = settings_of(home, CheckpointSettings)
        store.set(webhook_retention=settings_of(home, WebhookSettings).keep)
        store.set(price=price, timeouts=settings_of(home, TimeoutSettings).timeouts, checkpoint_settings=signing)
        with progress_shown("commits and positions", "checked") as show:

            async def note(done: int, size: int) -> None:
                show(done, size)

            return await store.call(InvariantCheck).run(note)


def _lines(report: InvariantReport) -> Sequence[str]:
    head = f"{report.events} events in {report.streams} streams, sealed up to position {report.position}"
    found = [line for name, finding in report.findings.of.items() for line in _lines_of(name, finding)]
    return [head, *found]


def _lines_of(name: Invariant, finding: Finding) -> Sequence[str]:
    state = f"BROKEN {finding.broken} times" if finding.broken else "holds"
    more = finding.broken - len(finding.violations)
    return [
        f"{name.value}: {state}, {finding.checked} checked. {STATEMENTS[name]}",
        *(f"  {one.id}: {one.fault}" for one in finding.violations),
        *([f"  and {more} more"] if more else []),
        *(f"  note: {one.id}: {one.fault}" for one in finding.notes),
    ]
