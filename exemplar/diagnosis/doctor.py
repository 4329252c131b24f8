"""`exemplar doctor`: what prevents a system from working, and what to type."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from exemplar.client_commands.exit_code import ExitCode
from exemplar.clock import now
from exemplar.commands.options import AsJson, Home
from exemplar.commands.output import print_json
from exemplar.diagnosis.account_checks import account_finding
from exemplar.diagnosis.deployment import Deployment, find_deployment
from exemplar.diagnosis.finding import Finding, State, has_fault
from exemplar.diagnosis.machine_checks import machine_findings
from exemplar.diagnosis.provider_checks import provider_findings
from exemplar.diagnosis.server_checks import server_findings
from exemplar.diagnosis.settings_checks import settings_findings

_STYLES: dict[State, str] = {"ok": "green", "warning": "yellow", "fault": "bold red"}


def examine(home: Home = None, as_json: AsJson = False) -> None:
    """Find what is wrong, and say what to type; exit code 1 for a fault.

    It checks versions, packages, disk, ports, settings, servers, clocks, the provider's token, the public URL and the
    account of the commands for users.
    """
    deployment = find_deployment(home)
    findings = asyncio.run(_findings(deployment, home))
    if as_json:
        body = {"system": deployment.name, "ok": not has_fault(findings), "findings": [asdict(one) for one in findings]}
        print_json(body)
    else:
        _print(deployment, findings)
    raise typer.Exit(ExitCode.FOUND if has_fault(findings) else ExitCode.DONE)


async def _findings(deployment: Deployment, home: Path | None) -> Sequence[Finding]:
    return [finding async for finding in _checked(deployment, home)]


async def _checked(deployment: Deployment, home: Path | None) -> AsyncIterator[Finding]:
    for finding in (*machine_findings(deployment), *settings_findings(deployment)):
        yield finding
    async for finding in server_findings(deployment, home, clock=now, version=version("exemplar")):
        yield finding
    async for finding in provider_findings(deployment, clock=now):
        yield finding
    yield await asyncio.to_thread(account_finding, home)


def _print(deployment: Deployment, findings: Sequence[Finding]) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text(f"{deployment.name}, {sys.platform}", style="bold"))
    for one in findings:
        console.print(Text.assemble((f"{one.state:<8}", _STYLES[one.state]), f" {one.check:<10}  {one.message}"))
        if one.remedy:
            console.print(Text(f"{'':<21}-> {one.remedy}", style="bold"))
