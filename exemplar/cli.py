"""The `exemplar` command line. Each command imports only what it runs, so that it starts quickly."""

# ruff: noqa: PLC0415 - see above

import asyncio
import gc
import logging
import sys
from typing import Annotated, Literal

import typer

from exemplar.commands.options import AsJson, Home
from exemplar.lazy_commands import LazyGroup, add_lazily

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"exemplar {version('exemplar')}\n")
        raise typer.Exit


@app.callback()
def command(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Image generation by example."""
    from exemplar.logging import configure_logging

    configure_logging("exemplar", level=logging.WARNING)


_USERS, _OPERATORS, _PROCESSES = "For users", "For operators", "Processes of the system"
_CLIENT = "exemplar.client_commands"


def _add_for_users(name: str, purpose: str, attribute: str, module: str = "") -> None:
    add_lazily(app, name, purpose, f"{_CLIENT}.{module or name}", attribute, panel=_USERS)


_add_for_users("generate", "Make a picture by example, and save it.", "generate")
_add_for_users("watch", "Show how far a generation is until it ends.", "watch")
_add_for_users("list", "List your generations, the newest first.", "list_generations", "listing")
_add_for_users("open", "Open the console in the browser.", "open_console", "open_console")
_add_for_users("listen", "Send the webhooks of your generations to a program on this machine.", "listen")
_add_for_users("trigger", "Send a signed example of an event to a program.", "trigger")
_add_for_users("login", "Save who you are.", "login")


@app.command(rich_help_panel=_OPERATORS)
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


@app.command(rich_help_panel=_PROCESSES)
def gateway(processes: Processes = 1) -> None:
    """Run the HTTP gateway; several processes share its port."""
    _run("gateway", processes)


@app.command(rich_help_panel=_PROCESSES)
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


@app.command(rich_help_panel=_PROCESSES)
def scheduler() -> None:
    """Run the recurring jobs: sealing, redelivery, reconciliation and more."""
    _run("scheduler")


@app.command(rich_help_panel=_PROCESSES)
def solo() -> None:
    """Run gateway, actors and jobs in one process, without RabbitMQ."""
    _run("solo")


@app.command(rich_help_panel=_PROCESSES)
def sandbox() -> None:
    """Run the offline stand-in for Replicate."""
    from exemplar.environment import read
    from exemplar.logging import configure_logging
    from sandbox.app import run
    from sandbox.settings import SandboxSettings

    configure_logging("sandbox", uncaught=True)
    run(read(SandboxSettings))


@app.command(rich_help_panel=_PROCESSES)
def mcp() -> None:
    """Serve tools over the Model Context Protocol on standard input and output."""
    from exemplar.environment import read
    from exemplar.mcp.settings import McpSettings
    from exemplar.mcp.stdio import serve

    serve(read(McpSettings))


@app.command("topology", rich_help_panel=_OPERATORS)
def print_topology() -> None:
    """Print RabbitMQ's definitions: the content of rabbitmq/definitions.json."""
    from actors.subscriptions import QUEUES
    from rabbitmq.topology import definitions_json, topology

    sys.stdout.write(definitions_json(topology(QUEUES)))


@app.command(rich_help_panel=_OPERATORS)
def rebuild(
    check: Annotated[bool, typer.Option("--check", help="Only compare; exit code 1 for a difference.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Rebuild the rows of all generations and the sums of usage from the log; exit code 3 for an unreadable stream."""
    from exemplar.commands.rebuild import rebuild_rows

    raise typer.Exit(rebuild_rows(check=check, home=home, as_json=as_json))


@app.command(rich_help_panel=_OPERATORS)
def subscribers(home: Home = None, as_json: AsJson = False) -> None:
    """Show the position of each subscriber and the parked commits; exit code 1 while any is parked."""
    from exemplar.commands.subscribers import show_subscribers

    raise typer.Exit(show_subscribers(home=home, as_json=as_json))


_GROUPS = {
    "accounts": "Create, show and change accounts",
    "audit": "Verify the log and print proofs",
    "backup": "Back up the running system, and restore it to a moment",
    "control": "Pause, stop and limit what runs",
    "erase": "Erase generations, users and projects",
    "failed": "Show, replay and discard parked events and dead letters",
    "quota": "Compare the quota ledger with the log",
}
for _name, _purpose in _GROUPS.items():
    _listed = f"{_purpose}: `exemplar {_name} --help`."
    add_lazily(app, _name, _listed, f"exemplar.commands.{_name}", panel=_OPERATORS)

_DIAGNOSIS = "exemplar.diagnosis"
add_lazily(app, "status", "Show what runs, waits and failed.", f"{_DIAGNOSIS}.status", "show_status", panel=_OPERATORS)
add_lazily(
    app, "doctor", "Find what is wrong, and say what to type.", f"{_DIAGNOSIS}.doctor", "examine", panel=_OPERATORS
)
add_lazily(
    app,
    "probe",
    "Ask the process of this machine whether it lives, or is ready.",
    "exemplar.commands.probe",
    "probe",
    panel=_OPERATORS,
)


@app.command("settings", rich_help_panel=_OPERATORS)
def print_settings() -> None:
    """Print every setting with its meaning: the content of .env.example."""
    from exemplar.settings import env_example

    sys.stdout.write(env_example())


def main() -> None:
    """Run the command; an error that the user can correct is one line and an exit code (docs/command-line.md)."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - what is no mistake of the user is raised again
        from exemplar.command_errors import explain

        message, code = explain(error)
        sys.stderr.write(f"exemplar: {message}\n")
        sys.exit(code)


def _run(process: str, count: int = 1, **given: object) -> None:
    gc.disable()  # until the process is ready: hardly anything that its start makes is garbage
    from exemplar.crash_settings import arm_crash_point
    from exemplar.logging import configure_logging
    from exemplar.processes import read_settings, run, use_all_descriptors
    from exemplar.starting import wait_until_released

    configure_logging(process, uncaught=True)
    use_all_descriptors()
    settings = read_settings(process)
    arm_crash_point(settings)
    wait_until_released()
    number = 1
    if count > 1:
        from exemplar.process_group import ProcessGroup

        group = ProcessGroup(count)
        if (code := group.fork()) is not None:
            raise typer.Exit(code)
        number = group.number
    asyncio.run(run(process, reuse_port=count > 1, process_number=number, **settings, **given))
