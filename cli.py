"""The `exemplar` command."""

import asyncio
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

import bootstrap
from actors.subscriptions import QUEUES
from demo import journey
from demo.accounts import Demo, seed
from gateway.authentication import AuthenticationSettings
from local.errors import LocalError
from local.hooks import Hooks
from local.options import HomeSettings, Options
from local.up import up as bring_up
from local.vault import Secrets
from logs import configure_logging
from rabbitmq.topology import definitions_json, topology
from sandbox.app import run as run_sandbox
from sandbox.settings import SandboxSettings
from store.mongo.store import MongoStore
from store.replica_set import initiate_replica_set
from store.settings import StoreSettings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Image generation by example.",
)

Process = Callable[[], AbstractAsyncContextManager[None]]


class Broker(StrEnum):
    """Which post room `exemplar up` uses."""

    AUTO = "auto"
    RABBITMQ = "rabbitmq"
    INPROCESS = "inprocess"


@app.command()
def up(
    once: Annotated[bool, typer.Option("--once", help="Exit after the first picture.")] = False,
    broker: Annotated[Broker, typer.Option(help="Post room.")] = Broker.AUTO,
    port: Annotated[int | None, typer.Option(help="Port of the gateway.")] = None,
) -> None:
    """Start the whole system on this machine and prove it with one generation."""
    settings = HomeSettings()
    options = Options(
        home=settings.home,
        host=settings.host,
        port=settings.port if port is None else port,
        broker=broker.value,
        once=once,
    )
    raise typer.Exit(asyncio.run(bring_up(options, hooks=_hooks(options))))


@app.command()
def gateway() -> None:
    """Run the HTTP gateway."""
    _run("gateway", bootstrap.gateway)


@app.command()
def worker() -> None:
    """Run the actors."""
    _run("worker", bootstrap.worker)


@app.command()
def scheduler() -> None:
    """Run the recurring jobs: relay, sealing, re-driving, reconciling and more."""
    _run("scheduler", bootstrap.scheduler)


@app.command()
def solo() -> None:
    """Run gateway, actors and jobs in one process, without RabbitMQ."""
    _run("solo", bootstrap.solo)


@app.command()
def sandbox() -> None:
    """Run the offline stand-in for Replicate."""
    configure_logging("sandbox")
    run_sandbox(SandboxSettings())


@app.command("topology")
def print_topology() -> None:
    """Print RabbitMQ's definitions: the content of rabbitmq/definitions.json."""
    sys.stdout.write(definitions_json(topology(QUEUES)))


def main() -> None:
    """Run the command; an error that the user can mend is one line and exit code 2."""
    try:
        app()
    except (bootstrap.ConfigurationError, LocalError) as error:
        sys.stderr.write(f"exemplar: {error}\n")
        sys.exit(2)


def _run(service: str, process: Process) -> None:
    configure_logging(service)
    asyncio.run(bootstrap.run(process))


def _hooks(options: Options) -> Hooks:
    async def seed_accounts(
        mongodb_url: str, base_url: str, secrets: Secrets, env: Mapping[str, str]
    ) -> Demo:
        settings = StoreSettings.model_validate({"mongodb_url": mongodb_url})
        store = MongoStore.open(settings, holder="up", clock=bootstrap.now)
        peppers = AuthenticationSettings.model_validate({"key_peppers": {1: secrets.key_pepper}})
        try:
            return await seed(store.accounts, peppers, secrets)
        finally:
            store.close()

    async def demonstrate(demo: dict[str, Any], photos: Sequence[Path]) -> Path:
        return await journey.demonstrate(demo, photos, options.home / "pictures")

    return Hooks(
        initiate_replica_set=initiate_replica_set,
        seed=seed_accounts,
        sign_in=journey.sign_in,
        demonstrate=demonstrate,
    )


if __name__ == "__main__":
    main()
