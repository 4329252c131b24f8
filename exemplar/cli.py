"""The `exemplar` command line. Each command imports only what it runs, so that it starts quickly."""

# ruff: noqa: PLC0415 - see above

import asyncio
import importlib
import logging
import sys
from typing import Annotated, Literal

import typer

from exemplar.commands.options import AsJson, Home

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def command() -> None:
    """Image generation by example."""
    from exemplar.logging import configure_logging

    configure_logging("exemplar", level=logging.WARNING)


@app.command()
def up(
    once: Annotated[bool, typer.Option("--once", help="Exit after the first picture.")] = False,
    broker: Annotated[
        Literal["auto", "rabbitmq", "inprocess"],
        typer.Option(help="Message broker; auto takes RabbitMQ where it is installed."),
    ] = "auto",
    port: Annotated[int | None, typer.Option(help="Port of the gateway.")] = None,
) -> None:
    """Start the whole system on this machine and run one generation."""
    from exemplar.demo.hooks import hooks_of
    from exemplar.environment import read
    from exemplar.local.options import HomeSettings, Options
    from exemplar.local.up import up as bring_up
    from exemplar.logging import configure_logging

    configure_logging("up", level=logging.WARNING)
    settings = read(HomeSettings)
    options = Options(
        home=settings.home,
        host=settings.host,
        port=settings.port if port is None else port,
        broker=broker,
        once=once,
    )
    raise typer.Exit(asyncio.run(bring_up(options, hooks=hooks_of(options.home))))


Processes = Annotated[int, typer.Option(min=1, max=256, help="How many processes, restarted when they die (Linux).")]


@app.command()
def gateway(processes: Processes = 1) -> None:
    """Run the HTTP gateway; several processes share its port."""
    _run("gateway", processes)


@app.command()
def worker(
    processes: Processes = 1,
    queues: Annotated[str, typer.Option(help="Queues to handle, separated by commas; empty: all.")] = "",
) -> None:
    """Run the actors."""
    from actors.subscriptions import QUEUES
    from exemplar.environment import ConfigurationError

    own = tuple(queues.split(",")) if queues else tuple(QUEUES)
    if unknown := set(own) - set(QUEUES):
        raise ConfigurationError(f"--queues {', '.join(sorted(unknown))}: the queues are {', '.join(QUEUES)}")
    _run("worker", processes, own_queues=own)


@app.command()
def scheduler() -> None:
    """Run the recurring jobs: sealing, redelivery, reconciliation and more."""
    _run("scheduler")


@app.command()
def solo() -> None:
    """Run gateway, actors and jobs in one process, without RabbitMQ."""
    _run("solo")


@app.command()
def sandbox() -> None:
    """Run the offline stand-in for Replicate."""
    from exemplar.environment import read
    from exemplar.logging import configure_logging
    from sandbox.app import run
    from sandbox.settings import SandboxSettings

    configure_logging("sandbox")
    run(read(SandboxSettings))


@app.command()
def mcp() -> None:
    """Serve tools over the Model Context Protocol on standard input and output."""
    from exemplar.environment import read
    from exemplar.mcp.settings import McpSettings
    from exemplar.mcp.stdio import serve

    serve(read(McpSettings))


@app.command("topology")
def print_topology() -> None:
    """Print RabbitMQ's definitions: the content of rabbitmq/definitions.json."""
    from actors.subscriptions import QUEUES
    from rabbitmq.topology import definitions_json, topology

    sys.stdout.write(definitions_json(topology(QUEUES)))


@app.command()
def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 for a difference.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild the rows of all generations and the sums of usage from the log; exit code 3 for an unreadable stream."""
    from exemplar.commands.rebuild import rebuild_rows

    raise typer.Exit(rebuild_rows(check=check, home=home, as_json=as_json))


@app.command()
def subscribers(home: Home = None, as_json: AsJson = False) -> None:
    """Show the position of each subscriber and the parked commits; exit code 1 while any is parked."""
    from exemplar.commands.subscribers import show_subscribers

    raise typer.Exit(show_subscribers(home=home, as_json=as_json))


def _add_group(name: str, purpose: str) -> None:
    """Add the group of commands in the module of this name."""

    def run(context: typer.Context) -> None:
        group = importlib.import_module(f"exemplar.commands.{name}").app
        group(context.args or ["--help"], prog_name=f"exemplar {name}")

    forwarding = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(name, help=f"{purpose}: `exemplar {name} --help`.", context_settings=forwarding)(run)


_add_group("accounts", "Create, show and change accounts")
_add_group("audit", "Verify the log and print proofs")
_add_group("control", "Pause, stop and limit what runs")
_add_group("erase", "Erase generations, users and projects")
_add_group("failed", "Show, replay and discard parked events and dead letters")
_add_group("quota", "Compare the quota ledger with the log")


@app.command("settings")
def print_settings() -> None:
    """Print every setting with its meaning: the content of .env.example."""
    from exemplar.settings import env_example

    sys.stdout.write(env_example())


def main() -> None:
    """Run the command; an error that the user can correct is one line and exit code 2."""
    try:
        app()
    except Exception as error:
        from exemplar.environment import ConfigurationError
        from exemplar.injection import UnknownDependencyError
        from store.errors import DamagedCommitError, DataFormatError, StoreError

        match error:
            case ConfigurationError() | DataFormatError() | UnknownDependencyError():
                message = str(error)
            case DamagedCommitError():
                message = f"{error}; `exemplar audit verify` names every fault of the log"
            case StoreError():
                message = f"EXEMPLAR_MONGODB_URL: MongoDB cannot be used ({error})"
            case _:
                raise
        sys.stderr.write(f"exemplar: {message}\n")
        sys.exit(2)


def _run(process: str, count: int = 1, **given: object) -> None:
    from exemplar.crash_settings import arm_crash_point
    from exemplar.logging import configure_logging
    from exemplar.processes import read_settings, run, use_all_descriptors

    configure_logging(process)
    use_all_descriptors()
    settings = read_settings(process)
    arm_crash_point(settings)
    if count > 1:
        from exemplar.process_group import ProcessGroup

        if (code := ProcessGroup(count).fork()) is not None:
            raise typer.Exit(code)
    asyncio.run(run(process, reuse_port=count > 1, **settings, **given))
