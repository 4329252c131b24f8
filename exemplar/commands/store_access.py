"""Open the store of the environment, or of a running `exemplar up`, for a command."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from domain.accounts.keys import Peppers
from domain.accounts.tiers import tiers_with
from domain.errors import ExemplarError
from exemplar.clock import now
from exemplar.commands.account_administration import AccountAdministration
from exemplar.environment import ConfigurationError, Settings, read
from exemplar.injection import Dependencies
from gateway.auth.settings import AuthenticationSettings
from store.adapters import ADAPTERS, open_database, prepare, require_format
from store.errors import AlreadyExistsError, StoreError
from store.settings import StoreSettings, TierSettings

Result = TypeVar("Result")

Home = Annotated[Path | None, typer.Option(help="Folder of a running `exemplar up` (.exemplar).")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def run_on_store(function: Callable[..., Awaitable[Result]], *, holder: str) -> Result:
    """Call an async function with the adapters of the environment's store that it names."""

    async def run() -> Result:
        async with open_store(None, holder=holder) as store:
            return await store.call(function)

    return asyncio.run(run())


def administer(home: Path | None, work: Callable[[AccountAdministration], Awaitable[Result]]) -> Result:
    """Call an async function with the administration of accounts."""

    async def run() -> Result:
        async with open_account_administration(home) as administration:
            return await work(administration)

    return asyncio.run(run())


@asynccontextmanager
async def open_account_administration(home: Path | None) -> AsyncIterator[AccountAdministration]:
    """Open the store of the environment, or that of a running `exemplar up` whose folder is `home`."""
    async with open_store(home, holder="accounts") as store:
        await store.call(prepare)
        store.set(peppers=_peppers(home), tiers=tiers_with(read(TierSettings).tiers))
        try:
            yield store.call(AccountAdministration)
        except AlreadyExistsError:
            raise ConfigurationError("this address is taken: `exemplar accounts list` shows by whom") from None
        except ExemplarError as error:
            raise ConfigurationError(str(error)) from error


@asynccontextmanager
async def open_store(home: Path | None, *, holder: str) -> AsyncIterator[Dependencies]:
    """Open the store of the environment, or of a running `exemplar up`, as its adapters by name.

    Raises ConfigurationError when MongoDB cannot be reached, DataFormatError for data in another format.
    """
    try:
        async with open_database(store_settings(home)) as database:
            store = Dependencies(ADAPTERS, database=database, holder=holder, clock=now)
            await store.call(require_format)
            yield store
    except StoreError as error:
        named = "EXEMPLAR_MONGODB_URL" if home is None else str(home)
        raise ConfigurationError(f"{named}: MongoDB cannot be reached ({error}): is it running?") from error


def store_settings(home: Path | None) -> StoreSettings:
    if home is None:
        return _of_environment(StoreSettings)
    return StoreSettings.model_validate({"mongodb_url": _kept(home, "demo.json", "mongodb_url")})


def _peppers(home: Path | None) -> Peppers:
    if home is None:
        return _of_environment(AuthenticationSettings).peppers
    return Peppers({1: _kept(home, "secrets.json", "key_pepper")})


def _of_environment(settings: type[Settings]) -> Settings:
    try:
        return read(settings)
    except ConfigurationError as error:
        raise ConfigurationError(f"{error}; for a running `exemplar up` name its folder: --home .exemplar") from None


def _kept(home: Path, file: str, name: str) -> str:
    """Read what `exemplar up` keeps in its folder."""
    try:
        return str(json.loads((home / file).read_bytes())[name])
    except (OSError, ValueError, KeyError, TypeError):
        raise ConfigurationError(f"{home} is no folder of a running `exemplar up`: start it first") from None
